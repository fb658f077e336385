"""Words for pages, chats and tables, drawn by chance."""

from tests.benchmarks.copies.edits.canvas import Rng

TEXT = (
    "a about after again all also always an and another any area as ask at away back base because before begin between"
    " big book boat both bring build but by call can carry case change city clear close cold come common cost could"
    " country course cover cut day deep did different do door down draw each early earth east eat end enough even every"
    " example eye face fact family far farm fast father feel few field find fire first fish five follow food for force"
    " form found four free friend from full garden gave general get girl give glass go gold good great green ground"
    " group grow had half hand hard has have head hear heat help here high hold home horse hour house how hundred idea"
    " if in inch island it just keep kind king knew know land language large last late laugh lead learn leave left"
    " letter life light like line list listen little live long look low machine made main make man many map mark market"
    " may mean measure money moon more morning most mother mountain move music must name near need never new next night"
    " noon north note notice number object ocean of off often old on once one only open or order other our out over own"
    " page paper part pass pattern people period person picture piece place plain plan plane plant play point port pose"
    " pound power press problem produce product pull question quick rain ran reach read ready real record red rest"
    " right river road rock room round rule run sail same saw say school science sea season second see seem sentence"
    " serve set seven several shape ship short should show side simple since six size sky sleep slow small snow so some"
    " song soon sound south spell stand star start state stay step stood stop story street strong study such summer sun"
    " sure surface table take talk teach tell ten than that the their them then there these thing think this those"
    " thought thousand three through time to together told took top toward town travel tree true try turn two under"
    " unit until up us use usual valley very voice vowel walk wall want war warm was watch water way we week weight"
    " well went were west what wheel when where which while white who whole why will wind winter wish with wonder wood"
    " word work world would write year yes young"
)
WORDS = TEXT.split()


def words(rng: Rng, count: int) -> str:
    return " ".join(WORDS[number] for number in rng.integers(len(WORDS), size=count))


def sentence(rng: Rng, low: int = 5, high: int = 14) -> str:
    return words(rng, int(rng.integers(low, high))).capitalize() + "."


def name(rng: Rng) -> str:
    return words(rng, 2).title()


def amount(rng: Rng) -> str:
    return f"{rng.integers(1, 9999)}.{rng.integers(0, 100):02d}"
