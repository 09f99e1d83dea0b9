"""Original sentences that fill the smaller questions of a form, by what the question is about. {count} is a number."""

SENTENCES: dict[str, tuple[str, ...]] = {
    "credentials": (
        "Two of us have worked on this question for more than {count} years and know where the data are weak.",
        "One member has built pipelines around language models before, with a fixed test set and a log of every call.",
        "Our statistician has published on agreement between raters and will own the error budget.",
        "The group keeps a weekly reading meeting with the computing department next door.",
        "We have run the institute's shared cluster since it was set up and know what belongs there and what does not.",
        "A doctoral researcher of the group wrote the annotation guide that three other labs now use.",
    ),
    "impact": (
        "If it works, {count} groups that keep the same kind of records can use our prompts and the checked test set as they are.",
        "The result is a method, not a model, so it stays useful when models change.",
        "The national survey has offered to run our protocol on its own archive next year.",
        "A negative answer would also help: it would tell the field to stop waiting for a shortcut.",
        "Teachers and two agencies have asked for the table of findings already.",
        "What we learn about errors will be reported by kind, which others can build on.",
    ),
    "why_model": (
        "The judgement needs context from several pages at once, which rules and small classifiers did not manage.",
        "A smaller model reached two thirds of the agreement between two people; the larger one came close to all of it in a trial of {count} days.",
        "We need the API because every answer is logged, repeated at three settings and compared.",
        "The texts come in nine languages, and no single tool of the field covers them.",
    ),
    "budget": (
        "About {count},000 documents, one call each, near 6,000 tokens in and 700 out, and a second pass on one in five.",
        "A pilot of {count} days to fix the prompts, then one full run and one repeat to measure stability.",
        "A tenth is kept back for reruns when a check fails.",
        "We counted with the public price list and rounded up to the next hundred.",
        "Half of the calls can wait overnight, so they go at the lower batch price.",
    ),
    "pilot": (
        "We tried {count} documents by hand and by model: the model agreed with us on four of five.",
        "Long tables were the hardest part; splitting them by column halved the errors.",
        "It invented a reference twice in a hundred answers, so every reference is now looked up before it counts.",
        "Nothing so far; the first month is the pilot.",
    ),
    "misuse": (
        "The results could be read as a ranking of sites; we publish ranges and say what they do not show.",
        "Somebody could take the prompts for another purpose, but they contain nothing that a textbook does not.",
        "The main risk is false confidence, so every released number comes with its error and how it was found.",
        "We see no path from this to harm of people; a colleague outside the group has read the plan with that question in mind.",
        "Where a source asks for care, we show figures only and leave the passages out.",
    ),
    "other_funding_details": (
        "A university seed grant pays one half-time position until next summer; it has no money for API calls.",
        "A national foundation funds the field work, about 40,000 a year.",
    ),
    "people_data_how": (
        "Only records that were released for research under our ethics board's approval; names and dates are removed before a call.",
        "Interviews were recorded with written consent that covers processing by a third party; we send no audio.",
    ),
    "pathogens_what": (
        "Sequences and published phenotypes of a harmless laboratory strain; no design and no change of any organism.",
        "We read the literature on hospital infections; nothing is grown and nothing is made.",
    ),
    "oversight": (
        "The institute's biosafety committee has looked at the plan and put it in the lowest class.",
        "Our hospital's safety officer signs off each quarter; the last review was in spring.",
    ),
    "red_team_plan": (
        "All of it: we measure how often a model declines, with requests that the policy permits.",
        "We only use published prompts that the provider already knows, and report what we find to it first.",
    ),
    "special_case": (
        "The comparison needs {count} repeats of a long conversation at four settings; with the standard award it would stop after the first.",
        "The benchmark has to be run in full to be comparable with the two earlier papers.",
    ),
    "limited_models_why": (
        "The question is about a model before it has been taught to follow instructions, and nothing else shows that.",
        "Our earlier study used it, and the follow-up must hold the model fixed.",
    ),
    "description": (
        "The work has three steps. First we fix the questions and write down what would count as a wrong answer.",
        "Two people label {count} cases blind; the model sees them only after that.",
        "In the second month we run the full set and draw a random sample for checking by hand.",
        "Errors are sorted by kind and counted against the agreement that people reach among themselves.",
        "If the error rate stays above one in ten after two rounds, we stop and report that.",
        "The last month is for writing and for a clean release of prompts, test set and code.",
        "Every call is kept with its settings, so that anybody can repeat a figure.",
        "A model is used where reading is the bottleneck, and nowhere else.",
    ),
    "anything_else": (
        "We can start within a week of the decision.",
        "We are glad to share the test set with other grantees.",
        "The first author will be on leave in the third month; the second takes over.",
    ),
    "": (
        "We will keep this short and are glad to say more when asked.",
        "The plan names who does what in each of the {count} weeks.",
        "Everything needed to check the result will be released with it.",
    ),
}

INVENTED_PLACES = (
    "Aldermoor", "Bramhollow", "Cindervale", "Dunmarsh", "Eastmere", "Fallowick", "Greywater", "Hollinside",
    "Inverlake", "Juniper Bay", "Kestrel Point", "Larkfield", "Mirrormere", "Northgarth", "Ostervik", "Pinewater",
    "Quillhaven", "Ravensholt", "Saltmarsh", "Thornbury Vale", "Umberfield", "Vesterlund", "Windermark", "Yarrowdale",
)  # fmt: skip

FIRST_NAMES = (
    "Ada", "Bram", "Ceri", "Dag", "Elif", "Femke", "Goran", "Hana", "Ivo", "Jarek", "Kaia", "Lior", "Mirela", "Nils",
    "Oona", "Paz", "Quim", "Runa", "Sefa", "Tove", "Ugo", "Vesna", "Wim", "Xenia", "Yara", "Zeno", "Aino", "Besim",
    "Calla", "Davor", "Eero", "Fia", "Gita", "Henk", "Isa", "Joss",
)  # fmt: skip

LAST_NAMES = (
    "Aldermoor", "Brackwater", "Candlemark", "Dovrefell", "Elmsgaard", "Fernhollow", "Glasswright", "Harrowdale",
    "Ironbrook", "Jessamyn", "Kettlewood", "Longmere", "Marlowick", "Nettlefold", "Oakhaven", "Pellworm",
    "Quarrington", "Rushbeck", "Silvermoor", "Tarnwick", "Underhay", "Vinterberg", "Wolkenbruck", "Yewdale", "Ambleford",
)  # fmt: skip
"""Words put together as surnames: nobody real is meant."""
