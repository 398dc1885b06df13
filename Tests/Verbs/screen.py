"""A terminal's screen as bytes make it: enough of ECMA-48 for what berth draws, and a complaint for the rest."""

import re

SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    """Text of `rows` and `columns`; what scrolls out at the top is kept in `past`."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines = [""] * rows
        self.row, self.column = 0, 0
        self.past, self.unknown = [], []
        self.is_hidden = self.is_synchronised = False

    def feed(self, text):
        place = 0
        while place < len(text):
            character = text[place]
            match = SEQUENCE.match(text, place)
            if match:
                self.obey(*match.groups())
                place = match.end()
                continue
            place += 1
            if character == "\n":
                self.down()
            elif character == "\r":
                self.column = 0
            elif character >= " ":
                self.put(character)
            else:
                self.unknown.append(character)
        return self

    def put(self, character):
        if self.column == self.columns:
            # A line that is too long goes on in the next.
            self.column = 0
            self.down()
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
        self.column += 1

    def down(self):
        if self.row + 1 < self.rows:
            self.row += 1
        else:
            self.past.append(self.lines.pop(0))
            self.lines.append("")

    def obey(self, private, numbers, letter):
        number = int(numbers.split(";")[0] or 0) if numbers else 0
        if private:
            if number == 25:
                self.is_hidden = letter == "l"
            elif number == 2026:
                self.is_synchronised = letter == "h"
            else:
                self.unknown.append(f"?{number}{letter}")
        elif letter == "A":
            self.row = max(0, self.row - max(1, number))
        elif letter == "K" and number == 0:
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif letter == "J" and number == 0:
            self.lines[self.row] = self.lines[self.row][:self.column]
            self.lines[self.row + 1:] = [""] * (self.rows - self.row - 1)
        elif letter != "m":
            self.unknown.append(numbers + letter)

    @property
    def text(self):
        """The lines that are not empty, those that have scrolled out first."""
        return [line.rstrip() for line in self.past + self.lines if line.strip()]
