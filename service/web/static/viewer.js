// A viewer of DICOM frames on a canvas, fed by WADO-RS. Grey values keep their bits until a window is applied.

const TAGS = {
  instance: "00080018", modality: "00080060", number: "00200013", frames: "00280008", rows: "00280010", columns: "00280011",
  samples: "00280002", photometric: "00280004", allocated: "00280100", signed: "00280103", centre: "00281050",
  width: "00281051", intercept: "00281052", slope: "00281053", spacing: "00280030", imager: "00181164",
  padding: "00280120", shared: "52009229", perFrame: "52009230",
};
const GROUPS = ["00289145", "00289132", "00289110"]; // pixel value transformation, frame VOI LUT, pixel measures
const KEPT_BYTES = 256 * 1024 * 1024;
const AROUND = 2;

export const PRESETS = {
  CT: [[_("Soft tissue"), 40, 400], [_("Lung"), -600, 1500], [_("Bone"), 400, 1800], [_("Brain"), 40, 80]],
};

const values = (item, tag) => item?.[tag]?.Value ?? [];
const number = (item, tag) => { const found = Number(values(item, tag)[0]); return Number.isFinite(found) ? found : undefined; };

// The attributes of one frame: functional groups over the top level (PS3.3 C.7.6.16).
function flattened(header, frame) {
  const flat = { ...header };
  for (const groups of [values(header, TAGS.shared)[0], values(header, TAGS.perFrame)[frame - 1]])
    for (const tag of GROUPS) Object.assign(flat, values(groups, tag)[0]);
  return flat;
}

async function asked(address, accept, signal) {
  const answer = await fetch(address, { headers: { Accept: accept }, signal, credentials: "same-origin" });
  if (answer.status === 204) return [];
  if (!answer.ok) throw new Error(problem(await answer.json().catch(() => ({})), answer.status));
  return accept.endsWith("json") ? answer.json() : answer.arrayBuffer();
}

export class Viewer extends EventTarget {
  constructor(stage, root, study) {
    super();
    this.stage = stage;
    this.plate = stage.querySelector(".plate");
    this.canvas = stage.querySelector("canvas");
    this.svg = stage.querySelector("svg");
    this.note = stage.querySelector(".stage-note");
    this.study = `${root}/studies/${study}`;
    this.cache = new Map();
    this.kept = 0;
    this.marks = [];
    this.tool = "window";
    this.reset();
    this.#listen();
  }

  async series() {
    const found = await asked(`${this.study}/series`, "application/dicom+json");
    return found.map((each) => ({
      uid: values(each, "0020000E")[0], modality: values(each, TAGS.modality)[0] ?? "",
      name: values(each, "0008103E")[0],
      text: [values(each, "00200011")[0], values(each, TAGS.modality)[0], values(each, "0008103E")[0]].filter((v) => v !== undefined).join(" "),
      count: values(each, "00201209")[0] ?? 0,
    }));
  }

  // Load the headers of a series and show one frame of it, its first unless another is named.
  async open(series, instance, frame = 1) {
    if (this.seriesUid !== series) {
      const headers = await asked(`${this.study}/series/${series}/metadata`, "application/dicom+json");
      this.seriesUid = series;
      this.window = undefined;
      this.stack = headers.flatMap((header) => Array.from({ length: number(header, TAGS.frames) ?? 1 }, (_, at) => ({
        instance: values(header, TAGS.instance)[0], frame: at + 1, header,
      })));
    }
    const at = this.stack.findIndex((each) => each.instance === instance && each.frame === frame);
    await this.show(Math.max(0, at));
  }

  async show(at) {
    if (!this.stack?.length) return this.#say(_("This series has no images."));
    this.at = Math.min(Math.max(at, 0), this.stack.length - 1);
    this.loading?.abort();
    this.loading = new AbortController();
    const shown = this.stack[this.at];
    try {
      const picture = await this.#picture(shown, this.loading.signal);
      if (shown !== this.stack[this.at]) return;
      this.picture = picture;
      this.#say("");
    } catch (error) {
      if (error.name === "AbortError" || shown !== this.stack[this.at]) return;
      this.picture = undefined;
      this.#say(error.message);
    }
    this.draw();
    this.dispatchEvent(new Event("shown"));
    this.#ahead();
  }

  get shown() { return this.stack?.[this.at]; }

  step(by) { return this.show(this.at + by); }

  // What is listed as windows: the image's own, its whole range, and those of its modality.
  get windows() {
    const modality = values(this.shown?.header, TAGS.modality)[0];
    return [[_("As stored"), "own"], [_("Whole range"), "full"], ...(PRESETS[modality] ?? []).map(([name, c, w]) => [`${name} ${c}/${w}`, [c, w]])];
  }

  set(window) {
    this.window = window === "own" ? undefined : window === "full" ? this.#range() : window;
    this.draw();
  }

  invert() { this.inverted = !this.inverted; this.draw(); return this.inverted; }

  // The same look as another viewer has.
  look(look) { Object.assign(this, look); this.#place(); if (this.picture) this.draw(); }

  reset() {
    Object.assign(this, { window: undefined, inverted: false, zoom: 1, shift: [0, 0], lengths: [] });
    this.#place();
    if (this.picture) this.draw();
  }

  enlarge(by) { this.zoom = Math.min(16, Math.max(0.5, this.zoom * by)); this.#place(); }

  // Places to be drawn: {instance, frame, box: [left, top, right, bottom], mask, present, key}; one may be the active one.
  mark(marks, active) { this.marks = marks; this.active = active; this.#overlay(); }

  draw() {
    const { canvas, picture } = this;
    if (!picture) { canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height); this.#overlay(); return; }
    canvas.width = picture.columns;
    canvas.height = picture.rows;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (picture.drawn) context.drawImage(picture.drawn, 0, 0);
    else context.putImageData(this.#windowed(picture), 0, 0);
    this.#overlay();
    this.dispatchEvent(new Event("look"));
  }

  // Stored values to grey by the linear function of PS3.3 C.11.2.1.2.1, MONOCHROME1 turned round.
  #windowed({ pixels, columns, rows, slope, intercept, monochrome1 }) {
    const [centre, width] = this.#window();
    const image = new ImageData(columns, rows);
    const words = new Uint32Array(image.data.buffer);
    const turned = this.inverted !== monochrome1;
    const low = centre - 0.5 - (width - 1) / 2, span = Math.max(width - 1, 1e-6);
    for (let at = 0; at < words.length; at++) {
      const part = (pixels[at] * slope + intercept - low) / span;
      let grey = part <= 0 ? 0 : part >= 1 ? 255 : (part * 255) | 0;
      if (turned) grey = 255 - grey;
      words[at] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    return image;
  }

  #window() { return this.window ?? this.usual; }

  // The window of the image shown while no other is chosen.
  get usual() { return this.picture?.own ?? this.#range(); }

  #range() {
    const { pixels, slope, intercept, padding } = this.picture ?? {};
    if (!pixels) return [128, 256];
    let low = Infinity, high = -Infinity;
    for (const value of pixels) if (value !== padding) { if (value < low) low = value; if (value > high) high = value; }
    if (!(high >= low)) return [128, 256];
    const [one, other] = [low * slope + intercept, high * slope + intercept];
    return [(one + other) / 2 + 0.5, Math.abs(other - one) + 1];
  }

  async #picture(shown, signal) {
    const key = `${shown.instance}/${shown.frame}`;
    if (!this.cache.has(key)) {
      const made = await this.#load(shown, signal);
      this.cache.set(key, made);
      this.kept += made.bytes;
      for (const [old, { bytes }] of this.cache) {
        if (this.kept <= KEPT_BYTES || old === key) break;
        this.cache.delete(old);
        this.kept -= bytes;
      }
    }
    return this.cache.get(key);
  }

  async #load({ instance, frame, header }, signal) {
    const flat = flattened(header, frame);
    const [rows, columns, bits] = [number(flat, TAGS.rows), number(flat, TAGS.columns), number(flat, TAGS.allocated)];
    if (!rows || !columns) throw new Error(_("This object has no pictures."));
    const address = `${this.study}/series/${this.seriesUid}/instances/${instance}/frames/${frame}`;
    const photometric = values(flat, TAGS.photometric)[0] ?? "";
    const about = { rows, columns, spacing: spacing(flat), monochrome1: photometric === "MONOCHROME1" };
    if ((number(flat, TAGS.samples) ?? 1) > 1 || !photometric.startsWith("MONOCHROME") || ![8, 16, 32].includes(bits)) {
      const body = await asked(`${address}/rendered`, "image/png", signal);
      return { ...about, drawn: await createImageBitmap(new Blob([body], { type: "image/png" })), bytes: rows * columns * 4 };
    }
    const body = await asked(address, "application/octet-stream", signal);
    const kind = number(flat, TAGS.signed) ? { 8: Int8Array, 16: Int16Array, 32: Int32Array } : { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };
    const pixels = new kind[bits](body, 0, rows * columns);
    const [centre, width] = [number(flat, TAGS.centre), number(flat, TAGS.width)];
    return {
      ...about, pixels, bytes: body.byteLength, slope: number(flat, TAGS.slope) ?? 1, intercept: number(flat, TAGS.intercept) ?? 0,
      padding: number(flat, TAGS.padding), own: centre !== undefined && width >= 1 ? [centre, width] : undefined,
    };
  }

  // The neighbours of what is shown, so that a stack scrolls without waiting.
  #ahead() {
    for (let by = 1; by <= AROUND; by++)
      for (const next of [this.stack[this.at + by], this.stack[this.at - by]])
        if (next) this.#picture(next, this.loading.signal).catch(() => {});
  }

  #overlay() {
    const { svg, canvas } = this;
    svg.setAttribute("viewBox", `0 0 ${canvas.width} ${canvas.height}`);
    svg.replaceChildren();
    if (!this.picture) return;
    for (const mark of this.unmasked ? [] : this.#masks()) {
      const { inside, edge } = this.masks.paths(mark.mask, this.shown.instance, this.picture) ?? {};
      if (!edge) continue;
      this.#linked(this.#element("path", { d: inside, class: "inside" }), mark);
      this.#linked(this.#element("path", { d: edge, class: "edge" }), mark);
    }
    for (const mark of this.hidden ? [] : this.#boxes()) {
      const [left, top, right, bottom] = mark.box;
      const box = this.#element("rect", { x: left, y: top, width: right - left, height: bottom - top });
      this.#linked(box, mark);
    }
    for (const line of this.lengths.filter((each) => each.of === this.shown)) this.#length(line);
  }

  #linked(element, mark) {
    element.classList.toggle("at", mark.key === this.active);
    element.classList.toggle("absent", !mark.present);
    element.addEventListener("pointerdown", (event) => { event.stopPropagation(); this.dispatchEvent(new CustomEvent("chosen", { detail: mark.key })); });
  }

  // The masks of this study, each once: as the active one where it is that; the active on top.
  #masks() {
    const found = new Map();
    for (const mark of this.marks)
      if (mark.mask && (mark.key === this.active || !found.has(`${mark.mask.sha256}/${mark.mask.label}`)))
        found.set(`${mark.mask.sha256}/${mark.mask.label}`, mark);
    return this.shown.frame === 1 && this.masks ? this.#topmost([...found.values()]) : [];
  }

  #topmost(marks) { return marks.sort((one, other) => (one.key === this.active) - (other.key === this.active)); }

  // The boxes of this image, each place once: as the active one where it is that, else as the first; the active on top.
  #boxes() {
    const here = this.marks.filter((mark) => mark.box && mark.instance === this.shown.instance && mark.frame === this.shown.frame);
    const places = new Map();
    for (const mark of here)
      if (mark.key === this.active || !places.has(String(mark.box))) places.set(String(mark.box), mark);
    return this.#topmost([...places.values()]);
  }

  #length({ from, to }) {
    this.#element("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] });
    const text = this.#element("text", { x: to[0], y: to[1], "font-size": this.canvas.height / 36 });
    text.textContent = this.measure(from, to);
  }

  // A distance between two points in pixels, as text: mm where the object knows how large a pixel is.
  measure(from, to) {
    const { spacing: known } = this.picture;
    const [across, down] = [to[0] - from[0], to[1] - from[1]];
    if (!known) return `${decimal(Math.hypot(across, down).toFixed(1))} px`;
    const length = decimal(Math.hypot(across * known.column, down * known.row).toFixed(1));
    return known.atDetector ? _("{length} mm at the detector", { length }) : `${length} mm`;
  }

  #element(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return this.svg.appendChild(made);
  }

  #place() {
    if (this.plate) this.plate.style.transform = `translate(${this.shift[0]}px, ${this.shift[1]}px) scale(${this.zoom})`;
    this.dispatchEvent(new Event("look"));
  }

  #say(text) { this.note.textContent = text; this.note.hidden = !text; }

  // A point of the window as column and row of the image.
  #point(event) {
    const inverse = this.svg.getScreenCTM().inverse();
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(inverse);
    return [x, y];
  }

  #listen() {
    this.stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey) this.enlarge(event.deltaY < 0 ? 1.15 : 1 / 1.15);
      else this.step(Math.sign(event.deltaY));
    }, { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  #drag(event) {
    if (!this.picture || event.button) return;
    const begun = { x: event.clientX, y: event.clientY, window: this.picture.drawn ? undefined : this.#window(), shift: this.shift };
    const line = this.tool === "length" && !event.shiftKey ? { of: this.shown, from: this.#point(event), to: this.#point(event) } : undefined;
    if (line) this.lengths.push(line);
    const move = (now) => {
      const [across, down] = [now.clientX - begun.x, now.clientY - begun.y];
      if (line) { line.to = this.#point(now); this.#overlay(); }
      else if (event.shiftKey) { this.shift = [begun.shift[0] + across, begun.shift[1] + down]; this.#place(); }
      else if (begun.window) {
        const [centre, width] = begun.window, step = Math.max(width / 400, 0.01);
        this.window = [centre + down * step, Math.max(1, width + across * step)];
        this.draw();
      }
    };
    const end = () => { this.stage.removeEventListener("pointermove", move); this.dispatchEvent(new Event("measured")); };
    this.stage.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end, { once: true });
  }
}

// Pixel Spacing, else Imager Pixel Spacing, which is true at the detector and not in the patient.
function spacing(flat) {
  for (const tag of [TAGS.spacing, TAGS.imager]) {
    const [row, column] = values(flat, tag).map(Number);
    if (row > 0 && column > 0) return { row, column, atDetector: tag === TAGS.imager };
  }
  return undefined;
}
