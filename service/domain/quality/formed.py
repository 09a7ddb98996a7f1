"""Formed: whether a word is built of the Greek and Latin parts that medicine builds its words of.

No list has every such word, and a slip in one seldom leaves parts that are all known. The parts are those of any
textbook of medical terms; English and German spellings are folded into one.
"""

from __future__ import annotations

from functools import lru_cache

_FOLDS = (("ae", "e"), ("oe", "e"), ("ä", "e"), ("ö", "e"), ("ü", "y"), ("k", "c"), ("z", "c"), ("ß", "ss"))
_BEFORE = frozenset(
    [
        "ante",
        "anti",
        "auto",
        "bi",
        "brady",
        "circum",
        "contra",
        "de",
        "di",
        "dys",
        "ecto",
        "endo",
        "epi",
        "ex",
        "exo",
        "extra",
        "hemi",
        "hetero",
        "homo",
        "hyper",
        "hypo",
        "infra",
        "inter",
        "intra",
        "iso",
        "juxta",
        "macro",
        "mega",
        "meso",
        "meta",
        "micro",
        "mono",
        "multi",
        "neo",
        "non",
        "oligo",
        "pan",
        "para",
        "per",
        "peri",
        "poly",
        "post",
        "pre",
        "pro",
        "pseudo",
        "quadri",
        "retro",
        "semi",
        "sub",
        "super",
        "supra",
        "syn",
        "tachy",
        "tetra",
        "trans",
        "tri",
        "ultra",
        "uni",
    ]
)
_ROOTS = frozenset(
    """
    abdomin acetabul acr acromi aden adip adnex adren allantoid alveol amni amyl andr angi annul aneurysm aort
    append appendic arachnoid arter arteri arthr astr ather atri aur axill bacteri basil blephar brachi bronch
    bronchi bronchiol bucc burs calc calcane calv canalicul capit capsul carcin cardi carotid carp caud cec cel celi
    cephal cerebell cerebr cervic chol cholangi cholecyst choledoch chondr chori choroid chyl clavicul cocc coccyg
    col colon colp condyl conjunctiv corac cor coron cortic cost cox crani cric crur cubit cut cyst cyt dent derm
    dermat desm diaphragm diaphys digit disc diverticul duct duoden dur embol encephal endocrin endometri enter
    eosin ependym epididym epiphys epiglott erythr esophag ethmoid fasci fem femor fibr fibul foramin foss front
    gangli gastr genu gingiv gnath glen gli glom glomerul gloss glott glute gon granul gyn hamart hem hemangi hemat
    hepat herni hidr hil hist humer hydr hygr hymen hyster ile ili infundibul inguin insul ischi jejun jugul kerat
    kyph labr labyrinth lacrim lamin lapar laryng later leimy leiomy lei leuc lieno ligament lingu lip lith lob
    lobul lord lumb lumin lymph lymphaden lymphangi malleol mamm mandibul mast mastoid maxill mediastin medull melan
    mening menisc mesenter metacarp metatars metr muc muscul my myc mycet myel myocard myom myring myx nas necr
    nephr neur nod occipit ocul odont olecran om omphal onych onc oophor ophthalm opt orbit orch orchi orchid oste
    ot ovari ox palat palm pancre pancreat papill parathyr pariet parot patell pector ped pelv periton perone phac
    phalang pharyng phleb phren pituit placent plant plasm pleur plex pneum pneumat pneumon phys popl porphyr port
    proct prostat psych pub pudend pulmon pyel pyl pylor pyr rachi radi radicul rect ren retin rhabd rhabdomy rhin
    sacr salping sarc scaphoid scapul schwann scler scoli scrot seb semin sept sial sigmoid sin sinus somat spermat
    sphen spin splanchn splen spondyl spongi squam steat stern stomat styl syndesm synov syring tal tars tars tempor
    tend ten tendin terat test thalam thec thorac thromb thym thyr thyroid tibi tonsill trach trache troch
    trochanter trich tub tympan typhl uln ureter urethr ur uter uve vagin valv valvul varic vas vascul ven ventricul
    vertebr vesic vesicul vill viscer vulv xanth xer zygomat
    """.replace("k", "c")
    .replace("z", "c")
    .split()
)
_ENDS = frozenset(
    """
    a ae i is us um on en es e ia ias al ally ar ary ic ical ically ous eal ial ian oid oidal iform ine ile ose otic
    osed itic etic atic ation ations ated ating ative ism itis itides osis oses oma omas omata omatous omatosis
    omatoses emia emic uria uric ectomy ectomies ectomised ectomized ostomy ostomies otomy otomies plasty plasties
    graphy graphies graphic gram grams scopy scopies scopic centesis pathy pathies pathic megaly algia algic lysis
    lyses lytic plasia plasias plastic penia penic rrhaphy rrhagia rrhagic rrhea desis deses trophy trophic genic
    genous genesis grade metry metric phagia plegia plegic paresis pexy ptosis ptysis sclerosis sclerotic spasm
    stasis static stenosis stenoses stenotic thorax tropic cele celes cyte cytes cytic cytosis cytoma blast blastoma
    ectasia ectasias ectasis ectatic edema malacia malacic lith liths lithiasis lithotomy lithotripsy rrhexis
    therapy tomography tripsy listhesis listhetic lisis lipoma itiden ose osen om ome omen oms omatos omatose
    ectomie ectomien ostomie ostomien otomie otomien plastic plasticen graphie graphien gramm gramme scopie pathie
    pathien emie emisch urie megalie algie algien lyse lysen plasie plasien penie trophie trophien genese metrie
    plegie parese paresen sclerose stenose stenosen spasmus stase ectasie ectasien cyt cyten blastom edem edeme
    malacie lithiase listhese desen dese sclerosen isch ische ischem ischen ischer isches al ale alem alen aler ales
    er ere erem eren erer eres os ose osem osen oser oses oid oide oiden oider or oren ie ien ium ien iert ierte
    ierten ierung tion tionen at ate atisch atische
    """.replace("k", "c")
    .replace("z", "c")
    .split()
)
_FIRST = frozenset(("a", "ab", "ad", "an"))
"""Only at the beginning."""
_JOINTS = frozenset("oia")
_VOWELS = frozenset("aeio")
_SHORTEST, _LONGEST = 6, 40


@lru_cache(maxsize=20_000)
def is_formed(word: str) -> bool:
    """Whether `word` (small letters) has at least one root, with known parts before, between and after, and no rest."""
    for old, new in _FOLDS:
        word = word.replace(old, new)
    rests = (word, *(word[len(each) :] for each in _FIRST if word.startswith(each)))
    return _SHORTEST <= len(word) <= _LONGEST and any(_parts(rest, rooted=False) for rest in rests)


@lru_cache(maxsize=50_000)
def _parts(rest: str, *, rooted: bool) -> bool:
    """Whether `rest` goes on as such a word does; `rooted`: a root stands before it."""
    if rooted and rest in _ENDS:
        return True
    for at in range(1, len(rest) - 1):
        head, tail = rest[:at], rest[at:]
        if head in _ROOTS and (_parts(tail, rooted=True) or (_joined(tail) and _parts(tail[1:], rooted=True))):
            return True
        if not rooted and head in _BEFORE and _parts(tail, rooted=False):
            return True
    return False


def _joined(tail: str) -> bool:
    """Whether a letter joins what stands before it to the rest: never to an ending with a vowel, nor to its like."""
    joint, rest = tail[:1], tail[1:]
    if joint not in _JOINTS or not rest:
        return False
    return rest[0] not in _VOWELS or (joint == "o" and rest[0] != "o" and rest not in _ENDS)
