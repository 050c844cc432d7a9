"""Numbers that belong to people: the checks that tell them from other numbers."""

_CARD_DIGITS = range(13, 20)


def is_card(text: str) -> bool:
    """A payment card: a usual first digit, and the Luhn sum holds (one in ten random numbers passes that alone)."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(digits) not in _CARD_DIGITS or digits[0] not in {3, 4, 5, 6}:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 - Luhn: 5 doubled has two digits
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """An international bank account number: mod 97 is 1, for the text or for it without its last groups."""
    groups = text.split(" ")
    for length in range(len(groups), max(0, len(groups) - 3), -1):
        compact = "".join(groups[:length])
        number = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
        if int(number) % 97 == 1:
            return True
    return False
