import re

from neigung.evaluation.fairness import fairness_words


def test_both_languages_tell_the_same_facts():
    for message in fairness_words._TEXTS.values():
        english, german = message.stored()
        facts = [sorted(re.findall(r"{\w+}", text)) for text in (english, german)]
        assert facts[0] == facts[1]
        assert english != german
        assert english[:1].isspace() == german[:1].isspace()
