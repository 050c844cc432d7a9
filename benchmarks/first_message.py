"""stub"""


async def measure(setting, figures): ...
