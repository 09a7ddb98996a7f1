"""How radiologists put things: templates by language, observation and state. No dependency.

In a template `{a|b}` is one of several wordings, `{}` may be nested; SIDE, SIZE and LOBE are filled in by `prose.py`.
"""
# ruff: noqa: E501 - a template is read as one line

PRESENT, ABSENT, UNCERTAIN = "present", "absent", "uncertain"

THERE = "{There is|There is again|Again noted is|Note is made of|Noted is|Redemonstration of|There appears}"
NO = "{No|There is no|No evidence of|No evidence for|No definite|No obvious|No convincing|Without|No sign of|Negative for|No radiographic evidence of|I see no|No discernible}"
MAYBE = "{Possible|Questionable|Suspected|Cannot exclude|Could represent|May represent|Suspicious for|Concern for|Question of|Equivocal for|Cannot rule out|Findings may reflect|Findings could reflect|Not excluded:|?|Subtle findings raise the possibility of|Suggestion of|Indeterminate for|Borderline for|vs|Differential includes}"
SEEN = "{seen|noted|identified|present|demonstrated|visualized|evident|appreciated}"

ENGLISH: dict[str, dict[str, tuple[str, ...]]] = {
    "mediastinal widening": {
        PRESENT: (
            "{The mediastinum is|Mediastinum} {widened|wide|broadened|prominent and widened|abnormally wide}.",
            f"{THERE} {{widening of the mediastinum|mediastinal widening|a widened mediastinum|an enlarged mediastinal contour|superior mediastinal widening}}.",
            "{Widened|Widening of the|Enlarged|Enlargement of the} {superior mediastinum|mediastinal contours|cardiomediastinal silhouette|mediastinum|upper mediastinum}.",
        ),
        ABSENT: (
            "{The mediastinum is|Mediastinum} {not widened|normal|unremarkable|of normal width|within normal limits|midline and normal}.",
            "{Mediastinal contours are|The mediastinal contour is|Mediastinal silhouette is} {normal|unremarkable|within normal limits|stable and normal|not enlarged}.",
            f"{NO} mediastinal widening.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{mediastinal widening|widening of the mediastinum|mediastinal enlargement}}.",
            "The mediastinum {appears|may be|is possibly|is perhaps} {widened|prominent}{, which may be projectional|, though this may be due to technique|}.",
        ),
    },
    "cardiomegaly": {
        PRESENT: (
            f"{THERE} {{mild|moderate|severe|marked|stable|borderline to mild|mild to moderate|}} cardiomegaly.",
            "{The heart is|Heart is|Heart size is|The cardiac silhouette is|Cardiac silhouette} {mildly |moderately |severely |markedly |again |}{enlarged|increased in size}.",
            "{Enlarged heart|Enlarged cardiac silhouette|Cardiac enlargement|Cardiomegaly|CMG|Enlargement of the cardiac silhouette}{, unchanged| persists| is present| is again noted|}.",
            "{CTR is increased|Cardiothoracic ratio is increased|Increased cardiothoracic ratio|CTR > 0.5|The heart measures above normal}.",
        ),
        ABSENT: (
            "{The heart is|Heart is|Heart size is|Heart|Cardiac size is|Cardiac silhouette is|The cardiac silhouette is} {normal|normal in size|not enlarged|unremarkable|within normal limits|WNL|of normal size}.",
            f"{NO} {{cardiomegaly|cardiac enlargement}}.",
            "Normal {heart size|cardiac silhouette|cardiac size|CTR}.",
        ),
        UNCERTAIN: (
            "{The heart is|Heart size is|Heart size may be} {possibly|perhaps|questionably|borderline} enlarged.",
            "{Heart size is|Cardiac size} {difficult to assess|cannot be assessed} {on this projection|on AP technique} but {may be|appears possibly} enlarged.",
            f"{MAYBE} {{mild|}} cardiomegaly.",
        ),
    },
    "opacity": {
        PRESENT: (
            f"{THERE} {{patchy|hazy|ill-defined|streaky|linear|ground glass|reticular|airspace|interstitial|increased|diffuse|faint}} {{opacity|opacities|density|opacification|shadowing}} in the LOBE.",
            "{Patchy|Hazy|Ill-defined|Airspace|Reticulonodular|Streaky|Ground-glass|Heterogeneous} {opacity|opacities|opacification|shadowing|infiltrate} {in|at|within|overlying|projecting over} the LOBE{, unchanged|, new from prior|}.",
            "{Increased|New|Persistent} LOBE {opacity|opacification|haziness|shadowing|infiltrates}.",
        ),
        ABSENT: (
            f"{NO} {{focal opacity|airspace opacity|focal airspace disease|infiltrate|focal infiltrate|parenchymal opacity|pulmonary opacities}}.",
            "{The lungs are|Lungs are|Both lungs are} {free of opacity|without focal opacity|free of infiltrates}.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{faint|subtle|}} {{opacity|opacities|infiltrate}} in the LOBE.",
            "{Subtle|Faint} LOBE {opacity|density} {may be|is possibly|could be} {artifactual|due to overlapping structures|real}.",
        ),
    },
    "nodule": {
        PRESENT: (
            f"{THERE} a {{solitary|MM mm|small|calcified|well-circumscribed|spiculated|MM cm|}} {{pulmonary nodule|nodule|lung nodule|lung mass|mass|nodular lesion|rounded lesion}} in the LOBE.",
            "{A|One|Stable|Known|} {MM mm|spiculated|rounded|cavitary|} {nodule|mass|lesion} {is seen|projects over|is noted|measuring MM mm|is again seen} {in|over} the LOBE.",
            "{Multiple|Several|Scattered|Bilateral} {pulmonary nodules|lung nodules|nodules|masses|metastases}.",
            "LOBE {nodule|mass|pulmonary nodule|SPN}{ measuring MM mm|, MM mm| is stable|}.",
        ),
        ABSENT: (
            f"{NO} {{pulmonary nodule|nodule or mass|suspicious nodule|lung mass|mass|pulmonary nodules|suspicious lung lesion|discrete nodule}}.",
            "{No nodules or masses|No lung lesion|No mass lesion} {are seen|is seen|seen|identified}.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{a MM mm|a small|a|}} {{nodule|pulmonary nodule|mass|nodular density}} in the LOBE{{; CT is recommended|, recommend CT|}}.",
            "{Nodular density|Rounded density} in the LOBE {may represent|could be|is suspicious for|possibly} a nodule{ versus nipple shadow| versus vessel on end|}.",
        ),
    },
    "edema": {
        PRESENT: (
            f"{THERE} {{mild|moderate|severe|interstitial|alveolar|frank|pulmonary vascular congestion with}} {{pulmonary edema|edema|interstitial edema|pulmonary oedema}}.",
            "{Pulmonary edema|Interstitial edema|Pulmonary oedema|Alveolar edema|Mild CHF with edema|Perihilar edema|Kerley B lines consistent with edema} {is present|is seen|has developed|persists|is noted|}.",
            "{Findings|Appearances} {consistent with|compatible with|in keeping with|of} {pulmonary edema|interstitial edema|fluid overload with pulmonary oedema|CHF with pulmonary edema}.",
        ),
        ABSENT: (
            f"{NO} {{pulmonary edema|edema|overt edema|interstitial edema|frank pulmonary oedema|vascular congestion or edema}}.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{mild|early|minimal|}} {{interstitial edema|pulmonary edema|edema|pulmonary oedema}}.",
            "{Prominent interstitial markings|Vascular indistinctness} {may|could|might} {reflect|represent|indicate} {mild|} {pulmonary|interstitial} edema.",
        ),
    },
    "consolidation": {
        PRESENT: (
            f"{THERE} {{dense|focal|patchy|a|confluent|lobar|multifocal|}} consolidation in the LOBE.",
            "LOBE {consolidation|airspace consolidation|focal consolidation} {is seen|with air bronchograms|is present|is noted|persists|}.",
            "{Consolidation|Airspace consolidation|Consolidative change|Dense consolidation} {of|in|involving|at|within} the LOBE.",
        ),
        ABSENT: (
            f"{NO} {{focal consolidation|consolidation|lobar consolidation|confluent consolidation|airspace consolidation}}.",
            "{The lungs are|Lungs are|Lungs} {clear without|without|free of} {focal |}consolidation.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{early|developing|small|}} consolidation in the LOBE.",
            "{Underlying|Superimposed|Developing} consolidation {cannot be excluded|is not excluded|is possible|can not be ruled out}.",
        ),
    },
    "pneumonia": {
        PRESENT: (
            "{Findings|Appearances|Changes} {consistent with|compatible with|in keeping with|diagnostic of|typical of} {LOBE |multifocal |}pneumonia.",
            "LOBE pneumonia{.| is present.| is seen.|, as before.}",
            f"{THERE} {{LOBE|multifocal|bilateral|lobar|}} pneumonia.",
        ),
        ABSENT: (
            f"{NO} {{pneumonia|acute pneumonia|radiographic pneumonia|focal pneumonia}}.",
            "{No findings to suggest|Nothing to suggest|No findings of} pneumonia.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{early |LOBE |superimposed |developing |}}{{pneumonia|infection|infectious process, i.e. pneumonia}}.",
            "{Pneumonia|Superimposed pneumonia|Early pneumonia|Aspiration pneumonia} {cannot be excluded|is not excluded|is possible|should be considered|can't be ruled out} {in the appropriate clinical setting|clinically|}.",
        ),
    },
    "atelectasis": {
        PRESENT: (
            f"{THERE} {{mild|linear|plate-like|minimal|subsegmental|bibasilar|discoid|basilar|compressive|}} {{atelectasis|atelectatic change|atelectases}}{{ in the LOBE|}}.",
            "{Bibasilar|LOBE|Linear|Subsegmental|Minor|Basal} {atelectasis|atelectatic changes|collapse}{ is seen| is noted| persists|}.",
            "{Volume loss|Partial collapse|Collapse} {of|in} the LOBE{ consistent with atelectasis|, atelectasis}.",
        ),
        ABSENT: (f"{NO} {{atelectasis|significant atelectasis|lobar collapse or atelectasis}}.",),
        UNCERTAIN: (
            f"{MAYBE} {{mild|LOBE|minor|}} atelectasis.",
            "{Streaky changes|Basal changes|Changes} in the LOBE {may|could|might|probably} {represent|reflect|be} atelectasis.",
        ),
    },
    "pneumothorax": {
        PRESENT: (
            f"{THERE} a {{SIZE|tiny|trace|small apical|tension|SIZE apical}} SIDE {{pneumothorax|sided pneumothorax|PTX}}.",
            "{SIZE |Small |Apical |Residual |Tiny |}SIDE {apical |basal |}{pneumothorax|PTX|ptx}{ is seen| is present| is noted| persists|, no tension| measuring MM mm|}.",
            "{Pneumothorax|PTX} {is seen |is present |}on the SIDE{, SIZE|}.",
            "{Pleural line|Visceral pleural line} {visible|seen} at the SIDE apex, {consistent with|in keeping with} pneumothorax.",
        ),
        ABSENT: (
            f"{NO} {{pneumothorax|PTX|ptx|apical pneumothorax|pneumothoraces|residual pneumothorax}}{{ is {SEEN}| {SEEN}|}}.",
            "{Pneumothorax|PTX}: {none|no|absent}.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{a tiny|a small|trace|a|}} SIDE {{apical|}} pneumothorax.",
            "{A small|A tiny|Occult} SIDE pneumothorax {cannot be excluded|is not excluded|is possible}{ on this supine film|}.",
        ),
    },
    "pleural effusion": {
        PRESENT: (
            f"{THERE} a SIZE SIDE {{pleural effusion|effusion|pleural fluid collection|sided pleural effusion|layering effusion}}.",
            "{SIZE |Trace |Stable |Layering |Loculated |}SIDE {pleural effusion|effusion|pleural effusions|pleural fluid}{ is seen| is present| is noted| persists| with adjacent atelectasis_|}.",
            "{Blunting|Obliteration} of the SIDE {costophrenic angle|CP angle|costophrenic sulcus} {consistent with|compatible with|due to|from} {a |}{SIZE|small} {pleural |}effusion.",
            "{Pleural effusion|Effusion|Pleural fluid} {is seen |}on the SIDE{, SIZE|}.",
            "{Bilateral|Small bilateral|Bibasal|Moderate bilateral} {pleural effusions|effusions}.",
        ),
        ABSENT: (
            f"{NO} {{pleural effusion|effusion|pleural effusions|significant effusion|pleural fluid|sizable pleural effusion}}{{ is {SEEN}|}}.",
            "{Costophrenic angles are|The costophrenic angles are|CP angles are|Costophrenic sulci are} {clear|sharp|free}, {no effusion|without effusion}.",
            "Pleural {effusion: none|effusion: no|spaces are free of fluid}.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{a small|trace|a tiny|minimal|}} SIDE {{pleural effusion|effusion}}.",
            "{Blunting of|Mild blunting of} the SIDE costophrenic angle {may represent|could be|possibly} {a small effusion|pleural effusion or scarring|trace fluid versus thickening_}.",
            "{A small|Trace} SIDE effusion {cannot be excluded|is not excluded|is possible}.",
        ),
    },
    "pleural other": {
        PRESENT: (
            f"{THERE} {{SIDE|apical|calcified|bilateral|SIDE apical}} {{pleural thickening|pleural plaques|pleural scarring|pleural calcification}}.",
            "{Biapical|SIDE|Calcified|Diffuse} {pleural thickening|pleural plaques|pleural scarring|pleuroparenchymal scarring}{ is noted| unchanged|}.",
        ),
        ABSENT: (f"{NO} {{pleural thickening|pleural plaques|pleural thickening or plaque}}.",),
        UNCERTAIN: (f"{MAYBE} SIDE {{pleural thickening|pleural plaque|pleural scarring}}.",),
    },
    "fracture": {
        PRESENT: (
            f"{THERE} {{a|an acute|a displaced|a nondisplaced|a healing|an old|a healed}} {{SIDE rib fracture|fracture of the SIDE Nth rib|SIDE clavicle fracture|compression fracture of a thoracic vertebra|fracture of the SIDE humerus}}.",
            "{Multiple|Old|Acute|Healing|Displaced|Several} SIDE {rib fractures|sided rib fractures|posterior rib fractures}{ are noted| are seen| again seen|}.",
            "{SIDE Nth rib fracture|Fracture of the SIDE Nth rib|Broken SIDE Nth rib|T8 compression fracture|Wedge fracture of T12}{ is noted| is seen|, healing|}.",
        ),
        ABSENT: (
            f"{NO} {{fracture|acute fracture|rib fracture|displaced rib fracture|acute osseous fracture|displaced fracture|fractures}}{{ is {SEEN}|}}.",
            "{Bones are intact|Osseous structures are intact|The bony thorax is intact}, no fracture.",
        ),
        UNCERTAIN: (
            f"{MAYBE} {{a|an acute|a nondisplaced|}} {{SIDE|}} {{rib fracture|fracture}}.",
            "{Irregularity|Cortical step} of the SIDE Nth rib {may represent|could be|is suspicious for} a fracture.",
        ),
    },
}

GERMAN: dict[str, dict[str, tuple[str, ...]]] = {
    "mediastinal widening": {
        PRESENT: ("{Mediastinum verbreitert|Verbreitertes Mediastinum|Das Mediastinum ist verbreitert}.",),
        ABSENT: (
            "{Mediastinum nicht verbreitert|Das Mediastinum ist nicht verbreitert|Mediastinum schlank|Mediastinum mittelständig, nicht verbreitert}.",
        ),
        UNCERTAIN: ("{Mediastinum möglicherweise verbreitert|V.a. Mediastinalverbreiterung}.",),
    },
    "cardiomegaly": {
        PRESENT: (
            "{Herz vergrößert|Das Herz ist vergrößert|Kardiomegalie|Linksbetont vergrößertes Herz|Deutliche Kardiomegalie|Herzschatten verbreitert}.",
        ),
        ABSENT: (
            "{Herz nicht vergrößert|Herz normal groß|Herzgröße im Normbereich|Keine Kardiomegalie|Herz normal konfiguriert und nicht vergrößert|Herzgröße regelrecht}.",
        ),
        UNCERTAIN: ("{Herz grenzwertig vergrößert|Herzgröße möglicherweise vermehrt|V.a. Kardiomegalie}.",),
    },
    "opacity": {
        PRESENT: (
            "{Verschattung|Fleckige Verschattung|Transparenzminderung|Streifige Verdichtung} {rechts basal|links basal|im rechten Oberfeld|im linken Unterfeld|beidseits basal}.",
        ),
        ABSENT: ("{Keine Verschattung|Kein Nachweis von Verschattungen|Keine fleckigen Verschattungen}.",),
        UNCERTAIN: (
            "{Fragliche Verschattung|Mögliche Verschattung} {rechts basal|links basal|im rechten Mittelfeld}.",
        ),
    },
    "nodule": {
        PRESENT: (
            "{Rundherd|MM mm großer Rundherd|Pulmonaler Rundherd|Raumforderung} {im rechten Oberlappen|im linken Unterlappen|rechts|links}.",
        ),
        ABSENT: ("{Kein Rundherd|Keine Rundherde|Kein Nachweis pulmonaler Rundherde|Keine suspekten Rundherde}.",),
        UNCERTAIN: ("{Fraglicher Rundherd|V.a. Rundherd|Möglicher Rundherd} {rechts|links|im rechten Oberfeld}.",),
    },
    "edema": {
        PRESENT: ("{Lungenödem|Interstitielles Lungenödem|Beginnendes Lungenödem|Pulmonalvenöse Stauung mit Ödem}.",),
        ABSENT: ("{Kein Lungenödem|Keine Stauung, kein Ödem|Kein Nachweis eines Lungenödems}.",),
        UNCERTAIN: ("{Mögliches Lungenödem|V.a. beginnendes Lungenödem|Lungenödem nicht auszuschließen}.",),
    },
    "consolidation": {
        PRESENT: (
            "{Konsolidierung|Konsolidierungen|Flächige Konsolidierung} {rechts basal|im linken Unterlappen|im rechten Oberlappen|links}.",
        ),
        ABSENT: ("{Keine Konsolidierung|Keine Konsolidierungen|Kein Nachweis einer Konsolidierung}.",),
        UNCERTAIN: ("{Mögliche Konsolidierung|Fragliche Konsolidierung|V.a. Konsolidierung} {rechts basal|links}.",),
    },
    "pneumonia": {
        PRESENT: (
            "{Pneumonie rechts basal|Pneumonie im linken Unterlappen|Lobärpneumonie rechts|Befund einer Pneumonie entsprechend}.",
        ),
        ABSENT: (
            "{Keine Pneumonie|Kein Anhalt für Pneumonie|Kein Hinweis auf ein pneumonisches Infiltrat|Keine pneumonischen Infiltrate}.",
        ),
        UNCERTAIN: ("{V.a. Pneumonie|Pneumonie nicht auszuschließen|Mögliche Pneumonie|DD Pneumonie}.",),
    },
    "atelectasis": {
        PRESENT: (
            "{Plattenatelektase|Plattenatelektasen|Atelektase|Dystelektasen} {rechts|links|beidseits basal|basal}.",
        ),
        ABSENT: ("{Keine Atelektase|Keine Atelektasen|Kein Nachweis von Atelektasen}.",),
        UNCERTAIN: ("{Mögliche Atelektase|V.a. Atelektase} {rechts|links} basal.",),
    },
    "pneumothorax": {
        PRESENT: (
            "{Pneumothorax|Kleiner Pneumothorax|Apikaler Pneumothorax|Spannungspneumothorax|Mantelpneumothorax} {rechts|links}.",
        ),
        ABSENT: ("{Kein Pneumothorax|Kein Nachweis eines Pneumothorax|Pneumothorax ausgeschlossen|Kein Pneu}.",),
        UNCERTAIN: (
            "{V.a. Pneumothorax|Fraglicher Pneumothorax|Pneumothorax nicht sicher auszuschließen} {rechts|links|}.",
        ),
    },
    "pleural effusion": {
        PRESENT: (
            "{Pleuraerguss|Kleiner Pleuraerguss|Geringer Erguss|Großer Pleuraerguss|Winkelerguss} {rechts|links|beidseits}.",
            "{Pleuraergüsse|Geringe Ergüsse} beidseits.",
        ),
        ABSENT: (
            "{Kein Pleuraerguss|Kein Erguss|Keine Pleuraergüsse|Kein Nachweis eines Pleuraergusses|Randwinkel frei, kein Erguss}.",
        ),
        UNCERTAIN: ("{V.a. Pleuraerguss|Möglicher Pleuraerguss|Fraglicher kleiner Erguss} {rechts|links}.",),
    },
    "pleural other": {
        PRESENT: ("{Pleuraverdickung|Pleuraplaques|Pleuraschwiele|Pleuraverkalkungen} {rechts|links|beidseits}.",),
        ABSENT: ("{Keine Pleuraverdickung|Keine Pleuraplaques}.",),
        UNCERTAIN: ("{Mögliche Pleuraverdickung|Fragliche Pleuraschwiele} {rechts|links}.",),
    },
    "fracture": {
        PRESENT: (
            "{Rippenfraktur|Rippenserienfraktur|Alte Rippenfraktur|Frische Fraktur der N. Rippe|Klavikulafraktur} {rechts|links}.",
        ),
        ABSENT: (
            "{Keine Fraktur|Kein Nachweis einer Fraktur|Keine Rippenfraktur|Knöcherner Thorax intakt, keine Fraktur}.",
        ),
        UNCERTAIN: ("{V.a. Rippenfraktur|Fragliche Fraktur|Mögliche Rippenfraktur} {rechts|links}.",),
    },
}

NEGATED_NAMES = {
    "opacity": ("focal opacity", "infiltrate", "airspace disease", "opacities"),
    "nodule": ("nodule", "mass", "pulmonary nodule", "lung mass"),
    "edema": ("edema", "pulmonary edema", "oedema"),
    "consolidation": ("consolidation", "focal consolidation"),
    "pneumonia": ("pneumonia",),
    "atelectasis": ("atelectasis",),
    "pneumothorax": ("pneumothorax", "PTX"),
    "pleural effusion": ("effusion", "pleural effusion"),
    "pleural other": ("pleural thickening",),
    "fracture": ("fracture", "acute fracture", "rib fracture"),
    "cardiomegaly": ("cardiomegaly",),
    "mediastinal widening": ("mediastinal widening",),
}
"""How a list of what is absent names things: "No effusion, consolidation or pneumothorax."."""

COMPOSITE: tuple[tuple[str, dict[str, str]], ...] = (
    ("{LOBE opacity|Opacity in the LOBE|Patchy density in the LOBE}{,| which} {may represent|could reflect|possibly|either} {atelectasis or pneumonia|pneumonia or atelectasis|atelectasis versus pneumonia|atelectasis vs. infection (pneumonia)}.",
     {"opacity": PRESENT, "atelectasis": UNCERTAIN, "pneumonia": UNCERTAIN}),
    ("{LOBE consolidation|Consolidation in the LOBE} {consistent with|compatible with|in keeping with|diagnostic of} pneumonia.",
     {"consolidation": PRESENT, "pneumonia": PRESENT}),
    ("{LOBE opacity|Airspace opacity in the LOBE} {consistent with|compatible with|concerning for|worrisome for} {consolidation_|airspace disease}.", {"opacity": PRESENT}),
    ("{SIZE|Small|Moderate} SIDE {pleural effusion|effusion} with {adjacent|associated|compressive|overlying} atelectasis.",
     {"pleural effusion": PRESENT, "atelectasis": PRESENT}),
    ("{The cardiomediastinal silhouette is|Cardiomediastinal silhouette|Cardiomediastinal contours are|Heart size and mediastinal contours are|Heart and mediastinum are|Cardiac and mediastinal contours are} {normal|unremarkable|within normal limits|stable and normal}.",
     {"cardiomegaly": ABSENT, "mediastinal widening": ABSENT}),
    ("{Enlarged|Stable enlarged|Mildly enlarged} heart with {mild |interstitial |}{pulmonary |}edema.", {"cardiomegaly": PRESENT, "edema": PRESENT}),
    ("{Cardiomegaly|Enlarged heart} {without|but no} {pulmonary edema|edema|overt edema}.", {"cardiomegaly": PRESENT, "edema": ABSENT}),
    ("{SIZE|Small} SIDE effusion{,| but} no pneumothorax.", {"pleural effusion": PRESENT, "pneumothorax": ABSENT}),
    ("{SIDE rib fractures|SIDE Nth rib fracture|Fracture of the SIDE Nth rib} {without|, no} {pneumothorax|associated pneumothorax|underlying pneumothorax}.", {"fracture": PRESENT, "pneumothorax": ABSENT}),
)  # fmt: skip

NEUTRAL = (
    "{The osseous structures are|Bones are|Visualized bones are|Bony structures} {unremarkable|within normal limits|stable}.",
    "{The trachea is midline|Trachea midline|Trachea central}.",
    "{The lungs are|Lungs are} {well expanded|hyperinflated|well aerated|hypoinflated|low in volume}.",
    "Lung volumes are {low|normal|reduced}.", "{The hila are|Hilar contours are} {normal|unremarkable|stable}.",
    "{The upper abdomen is|Visualized upper abdomen is} unremarkable.", "{Soft tissues are|The soft tissues are} unremarkable.",
    "{Degenerative changes|Mild degenerative change|Scoliosis} of the {thoracic |}spine.", "The aorta is {tortuous|calcified|unfolded}.",
    "{Pulmonary vasculature is|Vascularity is} normal.", "{The diaphragm is|Hemidiaphragms are} {normal|smooth|well defined}.",
    "{Patient is rotated|The study is limited by motion|Suboptimal inspiration}.",
)  # fmt: skip
NEUTRAL_GERMAN = (
    "{Trachea mittelständig|Zwerchfelle glatt begrenzt|Degenerative Veränderungen der BWS|Aortensklerose|Hili unauffällig|Lunge gut belüftet}.",
)  # fmt: skip

NORMAL = (
    "{No acute|No active|No acute or active} {cardiopulmonary|cardiothoracic|intrathoracic|pulmonary} {abnormality|process|disease|findings}.",
    "{Normal|Unremarkable} {chest|chest radiograph|chest x-ray|study|CXR|exam|examination}.", "{Lungs are|The lungs are|Both lungs are} clear.",
    "{No significant abnormality|No abnormality} {detected|seen|identified}.", "NAD.",
)  # fmt: skip
NORMAL_GERMAN = (
    "{Unauffälliger Befund|Altersentsprechender Normalbefund|Regelrechter Herz-Lungen-Befund|Kein akut pathologischer Befund}.",
)

SIDES_ENGLISH = ("right", "left", "right", "left", "bilateral", "Right", "Left", "R", "L", "rt", "lt")
SIZES_ENGLISH = (
    "small",
    "moderate",
    "large",
    "tiny",
    "trace",
    "small to moderate",
    "moderate-sized",
    "minimal",
    "large",
    "",
)
LOBES = (
    "right lower lobe", "left lower lobe", "right upper lobe", "left upper lobe", "right middle lobe", "lingula", "RLL", "LLL",
    "RUL", "LUL", "RML", "right base", "left base", "right lung", "left lung", "both lung bases", "left retrocardiac region",
    "right perihilar region", "right mid zone", "left lower zone", "right upper zone", "left mid lung", "left apex", "lung bases",
)  # fmt: skip

DEVICES: dict[str, tuple[str, ...]] = {
    "endotracheal tube": ("endotracheal tube", "ET tube", "ETT", "endotracheal tube tip", "tip of the endotracheal tube", "Tubus"),
    "tracheostomy": ("tracheostomy tube", "tracheostomy", "tracheostomy cannula", "trach tube", "Trachealkanüle"),
    "central venous line": (
        "right IJ central venous catheter", "central line", "CVC", "left subclavian central venous catheter", "central venous line", "PICC",
        "right PICC line", "left internal jugular line", "right IJ line", "dialysis catheter", "ZVK", "Swan-Ganz catheter", "PICC line",
        "left subclavian line", "central venous catheter",
    ),
    "port": ("port-a-cath", "right chest port", "port catheter", "Mediport", "left port", "Port-a-Cath", "Port", "infusion port"),
    "pacemaker": ("pacemaker", "dual-chamber pacemaker", "ICD", "left-sided pacer", "AICD", "pacemaker leads", "Schrittmacher", "pacemaker with leads"),
    "chest tube": ("chest tube", "right chest tube", "left chest tube", "left thoracostomy tube", "Thoraxdrainage", "right pleural tube", "pigtail chest tube"),
    "nasogastric tube": ("nasogastric tube", "NG tube", "NGT", "enteric tube", "feeding tube", "orogastric tube", "Dobbhoff tube", "Magensonde", "OG tube"),
    "drain": ("mediastinal drain", "drain", "surgical drain", "abdominal drain", "JP drain", "biliary drain"),
    "sternal wires": ("sternal wires", "median sternotomy wires", "sternotomy wires", "Sternalcerclagen", "sternal cerclage wires"),
    "valve": ("prosthetic valve", "mechanical aortic valve", "prosthetic mitral valve", "TAVR", "aortic valve replacement", "heart valve prosthesis", "Klappenersatz"),
    "stent": ("coronary stent", "aortic stent", "tracheal stent", "stent", "esophageal stent", "vascular stent"),
}  # fmt: skip
DEVICE_SAID: dict[str, tuple[str, ...]] = {
    "present": (
        "{The |}THING {is in place|in place|is in good position|in satisfactory position|terminates appropriately|is unchanged in position|is seen|remains in place|is noted|in situ|is present|unchanged|in standard position|in appropriate position}.",
        "THING {tip in the SVC|ends 4 cm above the carina|tip projects over the cavoatrial junction|with tip in expected position|as before|courses below the diaphragm}.",
        "{Interval placement of|New|Status post placement of|Stable|Unchanged|There is a|Insertion of|S/p} THING.", "THING{ in situ| regelrecht| in loco typico|}.",
    ),
    "removed": (
        "{The |}THING has been {removed|taken out|withdrawn completely|explanted|pulled}.", "{Interval removal of|Removal of|S/p removal of|Status post removal of} {the |}THING.",
        "THING {removed|no longer seen|is no longer present|is no longer visualized|entfernt}.", "{Previously seen|Prior} THING {is no longer seen|has been removed|is gone}.",
    ),
    "malpositioned": (
        "{The |}THING {is malpositioned|is too high|is too low|terminates in the right main bronchus|is coiled in the esophagus|tip in the right mainstem bronchus|should be repositioned|is kinked|is coiled|has migrated|is displaced|is fractured}.",
        "THING {in the right mainstem bronchus, recommend retraction|tip abuts the wall, needs repositioning|projects over the neck, malpositioned|loops in the pharynx|in suboptimal position, recommend advancing|fehlpositioniert|Fehllage}.",
        "{Malpositioned|Misplaced|Displaced|Malposition of} THING{; reposition|, recommend repositioning|}.",
    ),
}  # fmt: skip
NO_DEVICES = ("{No lines or tubes|No support devices|No tubes, lines or drains|Keine Fremdmaterialien}{ seen|}.",)

CHANGED: dict[str, tuple[str, ...]] = {
    "new": ("{New|Interval development of|New from prior:|There is a new|Newly seen|Interval appearance of|Now} NAME.", "NAME is new{ since the prior| compared to prior| from yesterday|}.", "NAME {has developed|has appeared}{ since the prior study|}."),
    "resolved": ("{The |}{previous |previously seen |prior |}NAME {has resolved|is no longer seen|has cleared|is resolved|has disappeared|resolved completely}.", "{Interval resolution|Complete resolution|Resolution|Clearing} of {the |}NAME.", "{No residual|No longer any|No} NAME{ is seen| today|}."),
    "improved": ("{The |}{SIDE |}NAME {has improved|has decreased|is smaller|is improving|has diminished|is less prominent|has decreased in size|shows improvement|is reduced}{ since the prior| compared with prior| in the interval|}.", "{Interval improvement|Interval decrease|Improvement|Decrease|Partial resolution} {in|of} {the |}NAME.", "{Decreased|Improving|Smaller|Decreasing|Improved} {SIDE |}NAME{ compared to prior|}."),
    "worse": ("{The |}{SIDE |}NAME {has worsened|has increased|is larger|is worse|has progressed|has enlarged|is more prominent|has grown|shows progression}{ since the prior| compared with prior| in the interval|}.", "{Interval worsening|Interval increase|Worsening|Progression|Enlargement} {in|of} {the |}NAME.", "{Increased|Worsening|Larger|Increasing|Enlarging|Progressive} {SIDE |}NAME{ compared to prior|}."),
    "stable": ("{The |}{SIDE |}NAME {is unchanged|is stable|remains stable|has not changed|persists unchanged|is similar|is the same}{ since the prior| compared with prior|}.", "{Stable|Unchanged|Persistent|Similar|No change in} {SIDE |}NAME{ compared to prior| since the last study|}.", "{No interval change|No significant change|No change} in {the |}{SIDE |}NAME."),
}  # fmt: skip
CHANGED_GERMAN = {
    "new": ("{Neu aufgetretener|Neuer} NAME.",), "resolved": ("NAME nicht mehr nachweisbar.", "Vollständige Rückbildung von NAME."),
    "improved": ("NAME {rückläufig|regredient|deutlich gebessert}.",), "worse": ("NAME {zunehmend|progredient|größer als zuvor}.",),
    "stable": ("NAME {unverändert|konstant|stabil}.",),
}  # fmt: skip
CHANGED_THINGS = {
    "cardiomegaly": ("cardiomegaly", "cardiac enlargement", "enlargement of the heart"), "mediastinal widening": ("mediastinal widening", "widening of the mediastinum"),
    "pleural effusion": ("pleural effusion", "effusion", "pleural fluid"), "pneumothorax": ("pneumothorax", "PTX"), "consolidation": ("consolidation", "airspace consolidation"),
    "atelectasis": ("atelectasis", "basal atelectasis"), "edema": ("pulmonary edema", "edema", "interstitial edema"), "nodule": ("nodule", "pulmonary nodule", "mass"),
    "fracture": ("rib fracture", "fracture"),
}  # fmt: skip
CHANGED_THINGS_GERMAN = {
    "cardiomegaly": "Kardiomegalie", "mediastinal widening": "Mediastinalverbreiterung", "pleural effusion": "Pleuraerguss", "pneumothorax": "Pneumothorax",
    "consolidation": "Konsolidierung", "atelectasis": "Atelektase", "edema": "Lungenödem", "nodule": "Rundherd", "fracture": "Rippenfraktur",
}  # fmt: skip

HEADERS = {
    "indication": ("INDICATION:", "Indication:", "HISTORY:", "CLINICAL HISTORY:", "Clinical information:", "REASON FOR EXAM:", "Reason for examination:", "Clinical indication:", "HX:", "Klinische Angaben:", "Fragestellung:", "Indikation:", "CLINICAL DETAILS:", "Hx -"),
    "technique": ("TECHNIQUE:", "Technique:", "EXAM:", "EXAMINATION:", "PROCEDURE:", "Study:", "Technik:", "Untersuchung:", "Views:", "TYPE OF STUDY:"),
    "comparison": ("COMPARISON:", "Comparison:", "PRIOR STUDIES:", "Compared to:", "Priors:", "Vergleich:", "Voraufnahme:", "COMPARED WITH:", "Previous:"),
    "findings": ("FINDINGS:", "Findings:", "REPORT:", "Report:", "Observations:", "DESCRIPTION:", "Befund:", "BEFUND:", "FINDINGS -", "Body:", "WET READ:"),
    "impression": ("IMPRESSION:", "Impression:", "CONCLUSION:", "Conclusion:", "Beurteilung:", "BEURTEILUNG:", "OPINION:", "SUMMARY:", "Assessment:", "IMP:", "Comment:", "ADDENDUM:", "Addendum:"),
}  # fmt: skip
FRONT = {
    "indication": ("{Cough|Fever|Chest pain|Shortness of breath|SOB|Dyspnea|Fall|Trauma|Hypoxia|Hemoptysis|s/p lobectomy|Preop|Weight loss|ETT placement|Line placement|Sepsis|Known lung cancer|Smoker|Sturz|Husten, Fieber|Dyspnoe|V.a. Pneumonie} {and fever|, rule out pneumonia|, evaluate for pneumothorax|for 3 days|, r/o effusion|and leukocytosis|? infection|}.", "{45|67|82|34|71|59}{-year-old|yo|y/o| year old} {man|woman|male|female|M|F} with {cough|fever|chest pain|dyspnea|SOB|COPD|CHF|hypoxia|a fall|cancer}.", "{Evaluate for|Assess|Rule out|Please assess for|Follow-up of} {pneumonia|effusion|pneumothorax|line position|edema|nodule|interval change}."),
    "technique": ("{PA and lateral views|Single AP view|Portable AP radiograph|Frontal and lateral radiographs|AP supine view|Portable upright view|One view|2 views|Two views} of the chest{ were obtained| obtained|}.", "{CXR PA|Chest, single view|Chest x-ray 2 views|CT chest without contrast|Thorax p.a. und seitlich|Thorax a.p. im Liegen|CHEST PORTABLE|Axial CT images of the chest}."),
    "comparison": ("{None|None available|No prior|No prior studies|Keine}.", "{Chest radiograph|CXR|Radiograph|CT|Prior study|Prior} {of|from|dated} {12/03/2019|yesterday|3 days ago|01.02.2021|March 2020|earlier today|two weeks prior}.", "{Voraufnahme vom 12.03.2020|CXR 4/5/18|Same day CT}."),
}  # fmt: skip
