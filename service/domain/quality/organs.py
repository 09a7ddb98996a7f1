"""Organs: words for parts of the body, what is done to them and how they look; a slip may have meant one of them."""

from __future__ import annotations

_ENGLISH = """
adjoining adrenal anechoic annulus anomalous anteflexed anterolateral anteromedial anteverted antegrade aortic arcade
arthrodesis articulation asymmetrical atresia attached attachment auricular basal biceps bifurcation bladder blurred
blurring brachial breast bridging bronchial bulging bulkier buttock calf calibre caliber callus canal capitate capsule
cardia caval central cervix cisterna coccygeal collected collection column commissural compartment compressed
compressible compressing concave concentric concha congruent conjoined constricted contacts contrast convex convexity
cord cortex cortical crest crossing curvature curve deep defect defects deflection deformed dehiscence demarcated
depressed depression descending detached diffusely diffusion digital dilating directed disc discal disrupted
disruption distances drained ductal duodenal eccentric echo edge elbow elevated embedded encased endometrium endplate
endplates enhance enhanced enhances ensheathed entire entrance epicardial equal esophageal everted excentric excised
excision exiting extended extends extracapsular extravasated fallopian fatty femoral filament filling fingers fissured
flattened flattening flexion floor flow fluctuating foci follicle follicles folded foot forearm forefoot fovea
fragment fragmented fragments frontotemporal frontoparietal fused fusion gallstone gallstones ganglion gastric gland
glands gluteal graft grafts groin groove growth hamstring hairline hallux hilum hinge hypoechoic hyperechoic
hyperintense iliopsoas imaged implanted impression incidental incision incompetent increases indented indents inferior
infiltrated ingrowth inner insertion instability interposed interspinous intracapsular intracanalicular intraosseous
inverted irregularities irregularity ischial isthmus joint joints junctional kidney kidneys labral labrum lacrimal
laminar lateral latissimus layered layering ligament ligaments ligamentous ligated lobe longitudinal loosened
loosening lumen malleolar malleolus mammary marginated margin marrow masseter medial median membrane meniscal menisci
meniscus mesorectal metacarpal metaphysis metatarsal midfoot mobile mobility monophasic biphasic triphasic mortise
motion mucosa mucosal muscular navel narrowed narrowing naviculocuneiform neck necrosis necrotic nerve nerves neural
nipple nodal node nodes notch obliterated oblique occluded occipital opacified opacifies opposite orbital orifice
ossified ossification outer outlet outline outlined ovarian ovary ovaries palpable pancreas papillary paracentral
paraspinal parallel parietal passage patella patellar pelvic pelvis penumbra perforated perforation perfused perfusion
peripheral peristalsis peritoneal phasic pillar pituitary placental placenta planar plantar plate popliteal portal
pouch probe profunda prolapse prolapsed prolapsing proportion prostate prostatic protruding protrusion puncture
pyramidal pyriform quadrant quadriceps radial ramus rami recess recesses reconstructed rectal rectus recurrent
reduction reflux regular repair repaired replaced resected resection reservoir residual resorption resting resurfaced
restricted restriction retained retroflexed retropulsion retroverted rib ribs rim ring root roots rotator rupture
ruptured sacrum sagittal salivary saphenous scaphoid scapular scarred sciatic sclerosed sclerosis sclerotic scrotal
seam secondary seminal sequence sequences sharply sheath shortened shortening shrunken sinuses skull sling softening
solid spaces spared sparing sphincter spleen splenic splenium splinter spread spur spurs stalk stapled stem stenosed
stenotic straight strain strand stranding stripe stump submucosal subperiosteal substance subtalar sulcus superficial
supracondylar suprapatellar surface surfaces surgically swelling swollen symmetrical symphysis synovial talar temporal
tendon tendons tendinosis terminal territory testicular testis thalamic thickened thigh thumb thyroid tibial tilt
tilted tissue toe tonsil tonsillar torn torsion tract tracts transition transverse transversely triceps trochlear
trunk tuft ulnar umbilical ureter ureters urethra urinary uterine uterus vaginal valve valves vaulted venous verge
vermis vertex vesicle vesicles viable villous voiding wall walls washout weight wrist zygoma january february march
april august september october november december monday tuesday wednesday thursday friday saturday sunday movement
"""
_GERMAN = """
abschnitt abschnitte achse achsgerecht adnexe anschluss arterie arterien aufhellung aufweitung augmentation ausgedehnt
außenmeniskus außenknöchel balken bandscheibe bandscheiben bandscheibenvorfall becken beckenring begrenzt beinvenen
bogenwurzel bronchus brustwand darmschlingen deckplatte deckplatten defekt dezent dilatiert diskret distanz drainage
drittel durchgängig einblutung einengung eingeengt endometrium enge entzündlich epikardial erguss erkennbar
erweiterung facettengelenke femur femurkondylus fettgewebe fettgewebes fissur fistel flüssigkeit flüssigkeiten foramen
fragment freie gallenblase gallengang gallengänge gallenwege gefäß gefäße gefäßzeichnung gelenk gelenkerguss
gelenkspalt gewebe glandula grenze grundplatte halbseitig halslymphknoten halswirbelsäule handgelenk harnblase
harnleiter hauptbronchus hemithorax herzgrenze hilus hinterhorn hinterkante hirnparenchym hirnstamm hohlvene homogen
hämangiom höhenminderung hüftgelenk hüfte impression infarkt infarkte infundibulum inhomogen innenmeniskus intakt
intraforaminal kaliber kalibersprung kalk karpal kelche kleinhirn knie kniegelenk knochen knochenmark knochenmarködem
knorpel knorpelschaden kompressionseffekt komprimierbar kongruent kontur konturen kopfgelenk kortikalis kreuzband
kreuzbänder kräftig lappen lateral lebervenen lendenwirbelsäule leber leiste liegend linksventrikulär liquor
liquorräume lordose luftsaum lungenabschnitte lymphknotenmetastase läsion läsionen magen malleolengabel mandibula
marklager marklagerläsionen mediainfarkt medial meniskus milz mittellinie muskulatur myelon nasennebenhöhlen nativ
nebenniere nebennieren nekrose neuroforamen niere nieren nierenbecken nierenstein nierenzyste oberbauch oberschenkel
osteochondrose osteophyten ovar pankreas pankreaskopf parenchymsaum patella penumbra perfusion perihepatisch
periventrikulär pfortader pleuraspalt plexus postoperativ postoperativer processus prostata protrusion quer
querfortsatz radius raum reizlos rektum retropatellar riss ruptur sakrum saum schallschatten schenkelhals schilddrüse
schleimhaut schlinge schulter segment segmente sehne sehnen seitenventrikel sequester sigma signal signalarm
signalreich signalanhebung sinus skaphoid skelett sklerose spinalkanal sprunggelenk stein steine stenose sternum
subklavia subclavia subdural supraspinatus synovialis talus temporal thalamus thrombose thrombus tibia tibiakopf
trachealverlagerung transplantat ulna unterarm unterbauch unterschenkel ureter uterus vena venen ventrikel verdickt
verdickung verdichtung verkürzung verlagerung verplumpt verschluss verschmälerung vorderhorn vorhof wand
wandverdickung weichteile weichteilschwellung weite winkel wurzel wurzelkompression zyste zysten zäkum
"""
ENGLISH = frozenset(_ENGLISH.split())
GERMAN = frozenset(_GERMAN.split())
