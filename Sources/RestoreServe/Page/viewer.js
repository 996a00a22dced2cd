// Shows a picture before and after, with a divider, zoom and pan. Coordinates are pixels of the whole picture.
export class Viewer {
  constructor(canvas, divider) {
    this.canvas = canvas;
    this.divider = divider;
    this.context = canvas.getContext("2d");
    this.split = 0.5;
    this.showsOriginal = false;
    this.overlay = () => {};
    // Called with a place and the phase of a stroke: "start", "move", "end".
    this.stroke = null;
    this.pointers = new Map();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
    this.clear();
  }

  clear() {
    this.before = this.after = null;
    this.width = this.height = 0;
    this.draw();
  }

  // The picture; a larger bitmap of the same one replaces a smaller one.
  show(before, width, height, keepsView = false) {
    this.before = before;
    this.after = keepsView ? this.after : null;
    const isSame = width === this.width && height === this.height;
    [this.width, this.height] = [width, height];
    if (!keepsView || !isSame) this.fit(); else this.draw();
  }

  showResult(after) {
    this.after = after;
    this.draw();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    if (this.fits) this.fit(); else this.draw();
  }

  get fitScale() {
    return Math.min(this.canvas.width / this.width, this.canvas.height / this.height) || 1;
  }

  fit() {
    this.fits = true;
    this.scale = this.fitScale;
    this.x = (this.canvas.width - this.width * this.scale) / 2;
    this.y = (this.canvas.height - this.height * this.scale) / 2;
    this.draw();
  }

  // One pixel of the picture on one of the screen.
  hundred() { this.zoom(1 / this.scale, this.canvas.width / 2, this.canvas.height / 2); }

  zoom(factor, x, y) {
    const scale = Math.min(Math.max(this.scale * factor, this.fitScale / 4), 40);
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.fits = false;
    this.draw();
  }

  get needsAllPixels() { return this.before && this.before.width < this.width && this.scale > this.before.width / this.width * 1.1; }

  setSplit(split) {
    this.split = Math.min(Math.max(split, 0), 1);
    this.draw();
  }

  draw() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const compares = this.after && !this.showsOriginal;
    this.divider.hidden = !compares;
    if (!this.before) return;
    context.imageSmoothingEnabled = this.scale < 2;
    context.imageSmoothingQuality = "high";
    const place = [this.x, this.y, this.width * this.scale, this.height * this.scale];
    const edge = this.split * canvas.width;
    const part = (bitmap, from, to) => {
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from, canvas.height);
      context.clip();
      context.drawImage(bitmap, ...place);
      context.restore();
    };
    if (compares) {
      part(this.before, 0, edge);
      part(this.after, edge, canvas.width);
      this.divider.style.left = `${this.split * 100}%`;
      this.divider.setAttribute("aria-valuenow", Math.round(this.split * 100));
    } else {
      part(this.before, 0, canvas.width);
    }
    context.setTransform(this.scale, 0, 0, this.scale, this.x, this.y);
    this.overlay(context, this.scale);
    this.changed?.();
  }

  // From a place on the screen to one in the picture.
  place(event) {
    const [x, y] = this.screen(event);
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  screen(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / bounds.width;
    return [(event.clientX - bounds.left) * ratio, (event.clientY - bounds.top) * ratio];
  }

  listen() {
    const { canvas, divider } = this;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (this.before) this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...this.screen(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", event => {
      if (!this.before) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.screen(event));
      const pans = event.button === 1 || this.spaceHeld || !this.stroke || this.pointers.size > 1;
      if (pans && this.strokes) this.stroke("cancel");
      this.strokes = !pans;
      if (pans) event.preventDefault(); else if (event.button === 0) this.stroke("start", this.place(event));
    });
    canvas.addEventListener("pointermove", event => {
      const last = this.pointers.get(event.pointerId);
      this.hover = this.place(event);
      if (!last) { if (this.stroke) this.draw(); return; }
      const now = this.screen(event);
      if (this.strokes) {
        this.stroke?.("move", this.place(event));
      } else if (this.pointers.size === 2) {
        const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
        const reach = place => Math.hypot(place[0] - other[0], place[1] - other[1]);
        this.pan(now[0] - last[0], now[1] - last[1], 0.5);
        this.zoom(reach(now) / Math.max(reach(last), 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else {
        this.pan(now[0] - last[0], now[1] - last[1]);
      }
      this.pointers.set(event.pointerId, now);
    });
    for (const type of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(type, event => {
        if (this.pointers.delete(event.pointerId) && this.strokes) this.stroke?.("end");
        this.strokes = false;
      });
    }
    canvas.addEventListener("pointerleave", () => { this.hover = null; if (this.stroke) this.draw(); });
    divider.addEventListener("pointerdown", event => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", event => {
      if (divider.hasPointerCapture(event.pointerId)) this.setSplit(this.screen(event)[0] / canvas.width);
    });
    divider.addEventListener("keydown", event => {
      const step = event.shiftKey ? 0.1 : 0.01;
      const to = { ArrowLeft: this.split - step, ArrowRight: this.split + step, Home: 0, End: 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.setSplit(to);
    });
  }

  pan(x, y, share = 1) {
    this.x += x * share;
    this.y += y * share;
    this.fits = false;
    this.draw();
  }
}
