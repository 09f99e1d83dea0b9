"""Words that fill the gaps of sample sentences, so that two texts with the same sentence still tell of different work."""

import random
import re

SLOTS: dict[str, tuple[str, ...]] = {
    "material": (
        "field notebooks", "ward diaries", "harbour registers", "spectra with handwritten captions", "core descriptions",
        "maintenance logs", "seed catalogues", "court transcripts", "weather journals", "excavation reports",
        "sequence annotations", "patent drawings", "hydrology bulletins", "school inspections", "autopsy protocols",
        "telescope night logs", "reaction tables", "parish accounts", "soil profiles", "survey free texts",
        "interview minutes", "ship manifests", "crop trial sheets", "microscope captions", "grant summaries",
        "insurance letters", "tide readings", "museum labels", "code reviews", "pharmacy ledgers",
    ),
    "measure": (
        "recall on rare categories", "the error of dated events", "agreement per paragraph", "drift between reruns",
        "missed negations", "calibration of stated doubt", "unit mistakes", "coverage of minor dialects",
        "the share of invented sources", "latency per document", "loss of qualifiers", "rank correlation",
        "false alarms per thousand", "stability under paraphrase", "completeness of tables", "bias by century",
        "the gap to an expert", "confusion of species", "cost per accepted line", "sensitivity to layout",
    ),
    "tool": (
        "a gazetteer", "a decision list", "an ontology of ours", "keyword search", "a regression on counts",
        "a hidden Markov model", "manual double entry", "a graph of citations", "an optical reader", "a unit parser",
        "a small classifier", "topic clustering", "an old expert system", "spreadsheet macros", "a phonetic index",
        "a rule grammar", "a nearest-neighbour lookup", "a taxonomy browser", "string alignment", "a Bayesian filter",
    ),
    "people": (
        "two archivists", "a retired surveyor", "our laboratory technicians", "six volunteers", "a pharmacologist",
        "three librarians", "the station's wardens", "a statistician", "our partner hospital", "local teachers",
        "a legal historian", "the instrument team", "four doctoral candidates", "a translator", "two engineers",
        "the herbarium's curator", "an outside auditor", "a data steward", "the nursing staff", "a geochemist",
    ),
    "aim": (
        "date an unrecorded flood", "separate habit from cause", "map forgotten terms", "find contradicting measurements",
        "trace a method through decades", "predict which trials stall", "recover lost coordinates", "rank open questions",
        "explain an odd residual", "compare two schools of thought", "estimate missing yields", "spot copied tables",
        "follow a shortage month by month", "connect symptoms with exposures", "reconstruct an instrument's faults",
        "test a rule of thumb", "list every exception", "read silence as evidence", "weigh hearsay against numbers",
        "order fragments in time",
    ),
    "risk": (
        "a village could be recognised", "an old accusation might resurface", "numbers look firmer than they are",
        "a rare species' site may leak", "a supplier may feel accused", "readers could skip the error bars",
        "patients might see themselves described", "a ranking invites shortcuts", "a translation may sound harsher",
        "an outdated dose could be quoted", "somebody might automate a judgement", "a map may be used in a dispute",
        "critics could mistake doubt for denial", "a term may offend descendants",
    ),
    "site": (
        "Aldermoor", "Bramhollow", "Cindervale", "Dunmarsh", "Eastmere", "Fallowick", "Greywater", "Hollinside",
        "Inverlake", "Juniper Bay", "Kestrel Point", "Larkfield", "Mirrormere", "Northgarth", "Ostervik", "Pinewater",
        "Quillhaven", "Ravensholt", "Thornbury Vale", "Umberfield", "Vesterlund", "Windermark", "Yarrowdale",
    ),
}  # fmt: skip

_GAP = re.compile(r"\{(\w+)\}")


def filled(sentence: str, dice: random.Random) -> str:
    """The sentence with a word in each gap: {count} is a number, the others are names of SLOTS."""

    def word(gap: re.Match[str]) -> str:
        return str(dice.randint(2, 19)) if gap[1] == "count" else dice.choice(SLOTS[gap[1]])

    text = _GAP.sub(word, sentence)
    return text[:1].upper() + text[1:]
