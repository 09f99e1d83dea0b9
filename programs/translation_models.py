"""The texts of a program in other languages than the one it is written in."""

from django.db import models


class Translation(models.Model):
    """One text of a program in one language. It holds for the text it names, wherever that stands in the program."""

    program = models.ForeignKey(
        "programs.Program", models.CASCADE, related_name="translations"
    )  # part of the program
    language = models.CharField(max_length=8)
    place = models.CharField(max_length=200, help_text="Where the text stands, such as faq.who.answer.")
    original = models.TextField(help_text="The text that was translated.")
    text = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "language", "place"],
                name="one_translation_per_place",
                violation_error_message="This place has a translation.",
            ),
            models.CheckConstraint(
                condition=~models.Q(text="") & ~models.Q(original=""),
                name="translation_is_not_empty",
                violation_error_message="A translation is not empty.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.language}: {self.place}"
