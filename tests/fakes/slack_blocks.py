"""What Slack says about a message's blocks and texts: its documented limits, and its error words."""

from typing import Any

SECTION, FIELD, HEADER, GENERAL = 3_000, 2_000, 150, 3_000
WHOLE_BLOCKS = 13_200
KNOWN = {"section", "header", "context", "actions", "divider", "image", "markdown", "rich_text", "table"}


def block_errors(blocks: list[Any]) -> list[str]:
    """JSON pointers to what is wrong; empty where Slack takes them."""
    if len(blocks) > 50:
        return ["no more than 50 items allowed [json-pointer:/blocks]"]
    seen: set[str] = set()
    errors: list[str] = []
    for number, block in enumerate(blocks):
        where = f"/blocks/{number}"
        if not isinstance(block, dict) or block.get("type") not in KNOWN:
            errors.append(f"unsupported type [json-pointer:{where}/type]")
            continue
        block_id = block.get("block_id", "")
        if len(block_id) > 255 or (block_id and block_id in seen):
            errors.append(f"block_id is too long or not unique [json-pointer:{where}/block_id]")
        seen.add(block_id)
        errors.extend(_by_type(block, where))
    return errors


def blocks_size(blocks: list[Any]) -> int:
    """The characters of all texts of all blocks, as they were sent."""
    return sum(_texts(block) for block in blocks)


def _texts(value: object) -> int:
    if isinstance(value, dict):
        return sum(len(v) if k == "text" and isinstance(v, str) else _texts(v) for k, v in value.items())
    return sum(_texts(item) for item in value) if isinstance(value, list) else 0


def _by_type(block: dict[str, Any], where: str) -> list[str]:
    match block["type"]:
        case "section":
            return _section(block, where)
        case "header":
            text = block.get("text", {})
            plain = [] if text.get("type") == "plain_text" else [f"must be plain_text [json-pointer:{where}/text/type]"]
            return plain + _text(text, HEADER, f"{where}/text")
        case "context":
            return _elements(block, 10, where)
        case "actions":
            return _actions(block, where)
    return []


def _section(block: dict[str, Any], where: str) -> list[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        return [f"missing required field: text [json-pointer:{where}]"]
    errors = _text(block["text"], SECTION, f"{where}/text") if "text" in block else []
    if len(fields) > 10:
        errors.append(f"no more than 10 items allowed [json-pointer:{where}/fields]")
    for number, field in enumerate(fields):
        errors.extend(_text(field, FIELD, f"{where}/fields/{number}"))
    return errors


def _elements(block: dict[str, Any], most: int, where: str) -> list[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= most:
        return [f"must have 1 to {most} items [json-pointer:{where}/elements]"]
    texts = [(n, e) for n, e in enumerate(elements) if e.get("type") in {"mrkdwn", "plain_text"}]
    return [error for n, e in texts for error in _text(e, GENERAL, f"{where}/elements/{n}")]


def _actions(block: dict[str, Any], where: str) -> list[str]:
    errors = _elements(block, 25, where)
    for number, element in enumerate(block.get("elements", [])):
        pointer = f"{where}/elements/{number}"
        errors.extend(_text(element.get("text", {}), 75, f"{pointer}/text"))
        errors.extend(
            f"too long [json-pointer:{pointer}/{name}]"
            for name, most in (("value", 2_000), ("url", 3_000), ("action_id", 255))
            if len(element.get(name, "")) > most
        )
    return errors


def _text(text: object, most: int, where: str) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in {"mrkdwn", "plain_text"}:
        return [f"failed to match all allowed schemas [json-pointer:{where}]"]
    value = text.get("text")
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        return [f"must be between 1 and {most} characters [json-pointer:{where}/text]"]
    return []


def metadata_error(metadata: object) -> str:
    """Slack's word for metadata that it does not take; empty where it does."""
    if not metadata:
        return ""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        return "invalid_metadata_format"
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict) or not all(_is_flat(value) for value in payload.values()):
        return "invalid_metadata_format"
    return "metadata_too_large" if len(str(metadata)) > 4_096 else ""


def _is_flat(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, dict) for item in value) and all(_is_flat(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(item, str | int | float | bool) for item in value.values())
    return isinstance(value, str | int | float | bool)
