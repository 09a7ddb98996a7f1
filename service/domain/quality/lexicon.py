"""Lexicon: words of radiology reports as they are spelt, in English and German; written by hand for this purpose."""

from __future__ import annotations

from service.domain.quality import organs, terms

_ENGLISH = """
abdomen abdominal abnormal abnormality abscess absent acetabulum adenopathy adequate adjacent admission advanced
advised airspace airway alignment alveolar anatomic anatomy aneurysm angiography angle angles anterior antibiotics
aorta aortic aneurysmal apical appearance appendix appropriate approximately artery arterial asbestos aspect
aspiration asymmetric atelectasis atelectatic atherosclerotic atrium attenuation axillary basal base bases basilar
benign bibasilar bilateral bilaterally biopsy blunting border borderline bowel bronchial bronchiectasis bronchograms
bronchus calcification calcifications calcified cardiac cardiomegaly cardiomediastinal cardiothoracic carina carcinoma
catheter cavitary cavitation cavity central cerebral change changes chest chronic circumscribed clavicle clinical
clinically collapse comparison compatible complete complication compression concerning conclusion congestion
congestive consider consistent consolidation consolidations contour contrast contusion correlation costophrenic
coronary course cystic decreased definite deformity degenerative demonstrated dense density deviation diameter
diaphragm diffuse dilated dislocation displaced displacement dissection distal distended dyspnea edema effusion
effusions elevated elevation embolism embolus emphysema emphysematous endotracheal enlarged enlargement enlarging
enteric esophagus evaluation evidence evident examination excluded extending extensive extent faint failure fever
fibrosis fibrotic findings fissure fluid focal follow fracture fractures frontal gallbladder gastric glenoid granuloma
granulomas ground hematoma heart hemidiaphragm hemidiaphragms hemithorax hemorrhage hepatic hernia hiatal hilar hilum
history hydronephrosis hyperinflated hyperinflation hypertension hypodense identified impression improved improvement
increase increased increasing indication indistinct infarct infarction infection infectious inferior infiltrate
infiltrates inflammatory inspiration intact interlobular interstitial interval intrapulmonary intubated intubation
irregular ischemia jugular junction kidney large lateral laterally left lesion lesions likely limits linear lingula
lobectomy lobes lobular located lower lucency lung lungs lymph lymphadenopathy lymphoma malignancy malignant mainstem
margin margins marked markedly markings maximum measures measuring mediastinal mediastinum metastases metastasis
metastatic middle midline mild mildly minimal minimally moderate moderately multiple nasogastric nodular nodule
nodules normal noted obscured obstruction obstructive obtained occlusion opacification opacities opacity osseous
osteophytes osteoporotic overlying pacemaker parenchyma parenchymal partial partially patchy patient pericardial
perihilar peripheral peripherally persistent persists plaques pleura pleural plural pneumomediastinum pneumonia
pneumonitis pneumoperitoneum pneumothorax portable position positioned possible possibly posterior postoperative
predominantly preliminary present previous previously probable probably process progression prominence prominent
prosthesis proximal pulmonary radiograph radiographic radiographs radiology recommend recommended reduced region
relevant removal removed renal residual resolution resolved respiratory restrictive reticular retrocardiac right
sarcoidosis scarring scoliosis segment segmental septal severe several shadow shift sharp shoulder silhouette sinus
slight slightly small spine spiculated spinal stable standard stenosis sternal sternotomy stomach subclavian
subcutaneous subpleural subsegmental subtle suggest suggesting suggestive suggests superior supine support surgery
surgical surrounding suspected suspicious symptoms syndrome technique tension terminates thickened thickening
thickness thoracic thoracotomy thrombus tissue tissues tortuous trachea tracheal tracheostomy trace trauma treatment
tuberculosis tubes tumor ultrasound unchanged underlying unremarkable upper upright vascular vascularity vasculature
vein venous ventricle ventricular vertebra vertebral vertebrae vessels view views visible visualized volume volumes
wedge widened widening within without zone zones
"""
_GENERAL = """
remains remained further involves involved involving appeared appears appearing expanded expanding expansion another
behind beneath beyond between through throughout during despite because however therefore otherwise either neither
together toward towards around across against located location locations followed following described describes
represent represents representing suspicion clinically question questionable reason request requested discussed
informed telephone notified immediately urgent emergency department physician doctor morning evening yesterday today
months weeks years hours minutes cough shortness breath breathing weight smoker former current known unknown status
surgery operation transplant therapy chemotherapy radiation tomography computed resonance magnetic imaging images
slices reconstruction intravenous administered administration obtained performed acquired single double triple second
seventh eighth ninth tenth fourth fifth sixth anterolateral posterolateral posteroanterior anteroposterior inspiratory
expiratory expiration rotation rotated rotational motion artifact artifacts quality limited limitation limitations
nipple breast breasts implant implants muscle muscles bridge bridging callus healed healing united shape shaped
contains contained containing content complex simple measured measurement measurements length width height depth
diameters largest smallest greater greatest longest replaced replacing replacement remaining returned return rounded
smooth spicules lobulation calcium fatty greatly grossly unusual usual usually typical atypical pattern patterns
distribution symmetric symmetrical asymmetry clearing cleared clear clearly resorption resorbed organizing organized
pressure venous capillary shunt drainage drains catheters wires sutures clips staples screws plates hardware
projecting projects projection overlies overlap overlapping crosses crossing courses coursing looped looping coiled
kinked withdrawn advanced advance withdraw retracted retraction outside inside compared diminished cephalad internal
external brachiocephalic collapsed open retained attained satisfactory unsatisfactory malpositioned malposition
repositioning repositioned recommendation suggestion advisable
"""
_GERMAN = """
abgrenzbar abszess altersentsprechend anamnese atelektase atelektasen aufnahme ausgeprägt aussparung befund beidseits
beurteilung bronchien computertomographie darstellung degenerativ dystelektase dystelektasen emphysem endotracheal
erguss ergüsse erweitert fehllage fragestellung fraktur frakturen gering geringer geringgradig größe hämatom herzgröße
herzsilhouette hinweis hinweise infiltrat infiltrate infiltration interstitiell kardial kardiale kardiomegalie
katheter klinische knoten kompression konsolidierung kontrastmittel lungenarterienembolie lungenembolie lungenödem
lungenparenchym lymphknoten magensonde mediastinal mediastinum metastasen mittelständig nachweis nachweisbar
normalbefund oberlappen ödem parenchym pathologisch pathologische perikarderguss pleura pleuraerguss pleuraergüsse
pneumonie pneumonisch pneumonisches pneumothorax randwinkel raumforderung regelrecht rechts rechtsseitig linksseitig
rundherd rundherde schrittmacher stauung technik thorax thoraxdrainage trachea tracheal unauffällig unterfeld
unterlappen untersuchung unverändert vergleich vergrößert vergrößerung verkalkung verlauf verschattung verschattungen
voraufnahme zentralvenös zwerchfell oberhalb unterhalb rippenfraktur rippenfrakturen indikation klinisch klinischer
angaben korrektur erforderlich empfohlen entfernt vereinbar auszuschließen wahrscheinlich beginnende beginnendes
beginnender kompressionsfraktur wirbelkörper lungenlappen mittellappen oberfeld mittelfeld unterfelder oberlappens
unterlappens dekompensation kontrolle verlaufskontrolle rückläufig rückläufiges rückläufiger regredient progredient
spannungspneumothorax seitendifferent randständig teilkollabiert grenzwertig ausgeschlossen nachgewiesen dargestellt
herzschatten aortensklerose degenerative veränderungen veränderung wirbelsäule brustwirbelsäule jugularis subclavial
interna saumbreite mantelpneumothorax
"""
_ORDINARY = """
jugulär jugulären indikation indikationen globular hemothorax haemothorax haemorrhage haematoma haemorrhagic oedema
oedematous oesophagus tumour tumours anaemia ischaemia ischaemic paediatric localised visualised characterised centre
fibre labelled catheters tubular lobulated globulär kalibersprung liege lieger lateralen scaring sighs relives advise
advises position chance chances causal sinuses apposition contort contours lobed locale formal moral minimum marginal
patent patients basis bases border boarder tissue tension attention extension torsion confusion infusion diffusion
refusion profusion contusions lesion legion visions revision division scan scar scars later latter letter litter
smaller largest larger lunge severed serve several sever notes noted noticed united stages stable stale stabile resent
precious various variant varicose vary very every device devices evidence provided presence prevent dilate dilates
fracture traction fraction retraction contraction refraction inter interval internal external peritoneal perineal
peroneal perianal coarse course source force cause clause tracheas lobar
"""
ENGLISH = frozenset((*_ENGLISH.split(), *_GENERAL.split())) | terms.ENGLISH | organs.ENGLISH
GERMAN = frozenset(_GERMAN.split()) | terms.GERMAN | organs.GERMAN
KNOWN = ENGLISH | GERMAN | frozenset(_ORDINARY.split())
"""Words that are never questioned."""
_TOO_SHORT = 6
CHECKED = {
    language: frozenset(word for word in words if len(word) >= _TOO_SHORT and word != "plural")
    for language, words in (("en", ENGLISH), ("de", GERMAN))
}
"""Words that others are compared with, by language."""
