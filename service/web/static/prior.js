// The earlier study beside the current one: the same place in the stack, the same look; shown and hidden by one key.

const MODALITY = "00080060", VIEW = "00185101", POSITION = "00200032", DESCRIPTION = "0008103E", OFF = "preread-prior-off";
const value = (shown, tag, at = 0) => shown?.header?.[tag]?.Value?.[at];
const RADIOGRAPHS = ["CR", "DX"];
const alike = (one, other) => one === other || (RADIOGRAPHS.includes(one) && RADIOGRAPHS.includes(other));

export class Prior {
  constructor(figure, current, Viewer) {
    this.figure = figure;
    this.current = current;
    this.note = figure.querySelector(".stage-note");
    this.place = figure.querySelector("[data-place]");
    this.viewer = new Viewer(figure.querySelector(".stage"), figure.dataset.root, figure.dataset.study);
    globalThis.prereadPrior = this.viewer;
    current.addEventListener("shown", () => this.follow());
    current.addEventListener("look", () => this.look());
    this.viewer.addEventListener("shown", () => {
      const at = _("Image {at} of {count}", { at: this.viewer.at + 1, count: this.viewer.stack.length });
      const gone = this.gone ? _("{count} of its images can no longer be shown.", { count: this.gone }) : "";
      this.place.textContent = `${at}. ${gone}`;
      this.look();
    });
  }

  // Whether it is shown afterwards.
  async toggle() {
    const shown = this.figure.hidden;
    this.figure.hidden = !shown;
    if (shown) { localStorage.removeItem(OFF); await this.follow(); } else localStorage.setItem(OFF, "yes");
    return shown;
  }

  async follow() {
    if (this.figure.hidden || !this.current.shown) return;
    try {
      await this.open();
      if (this.viewer.stack) await this.viewer.show(this.at());
    } catch (error) {
      this.say(_("The earlier study of {day} cannot be shown. {why}", { day: this.figure.dataset.day, why: error.message }));
    }
  }

  // The series that is like the current one: its modality, then its name, then the one with the most images.
  async open() {
    if (this.of === this.current.seriesUid) return;
    this.of = this.current.seriesUid;
    this.series ??= await this.viewer.series();
    const modality = value(this.current.shown, MODALITY), name = value(this.current.shown, DESCRIPTION);
    const fitting = this.series.filter((each) => alike(each.modality, modality));
    const [best] = fitting.sort((one, other) => (other.name === name) - (one.name === name) || other.count - one.count);
    if (best) {
      await this.viewer.open(best.uid);
      this.gone = Math.max(0, best.count - new Set(this.viewer.stack.map((each) => each.instance)).size);
    } else this.say(_("The earlier study of {day} has no images like these.", { day: this.figure.dataset.day }));
  }

  // Where in its stack: the same view of a radiograph, else as far from the same end.
  at() {
    const { current, viewer } = this, view = value(current.shown, VIEW);
    const same = view ? viewer.stack.findIndex((each) => value(each, VIEW) === view) : -1;
    if (same >= 0) return same;
    const part = current.at / Math.max(1, current.stack.length - 1);
    return Math.round((upwards(current.stack) * upwards(viewer.stack) < 0 ? 1 - part : part) * (viewer.stack.length - 1));
  }

  // Hounsfield units mean the same in both; other windows are moved and widened in proportion to each image's own.
  look() {
    const { current, viewer } = this;
    if (this.figure.hidden || !viewer.picture || !current.picture) return;
    const { inverted, zoom, shift } = current;
    viewer.look({ inverted, zoom, shift, window: this.window() });
  }

  window() {
    const { current, viewer } = this;
    if (value(viewer.shown, MODALITY) === "CT") return current.window ?? current.usual;
    if (!current.window) return undefined;
    const [centre, width] = current.usual, [own, wide] = viewer.usual, scale = wide / width;
    return [own + (current.window[0] - centre) * scale, Math.max(1, current.window[1] * scale)];
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = false;
  }
}

// 1 where a stack goes towards the head, -1 towards the feet, 0 where that is not known.
function upwards(stack) {
  const [first, last] = [stack[0], stack.at(-1)].map((each) => Number(value(each, POSITION, 2)));
  return Math.sign(last - first) || 0;
}
