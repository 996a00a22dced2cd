// What is drawn on a picture, as a list that can be undone: strokes of a mask, or dabs of color.
class Drawing {
  constructor() { this.clear(); }
  clear() { this.done = []; this.undone = []; this.changed(); }
  changed() {}
  add(item) { this.done.push(item); this.undone = []; this.changed(); }
  undo() { if (this.done.length) { this.undone.push(this.done.pop()); this.changed(); } }
  redo() { if (this.undone.length) { this.done.push(this.undone.pop()); this.changed(); } }
}

export class Dabs extends Drawing {
  draw(context, scale) {
    for (const dab of this.done) {
      context.beginPath();
      context.arc(dab.x + 0.5, dab.y + 0.5, 9 / scale, 0, 2 * Math.PI);
      context.fillStyle = dab.color;
      context.fill();
      context.lineWidth = 2 / scale;
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }
  // As the option of the command.
  get hints() { return this.done.map(dab => `${dab.x},${dab.y},${dab.color}`); }
}

export class Mask extends Drawing {
  // For a picture of this size.
  reset(width, height) {
    [this.width, this.height] = [width, height];
    this.canvas = new OffscreenCanvas(width, height);
    this.context = this.canvas.getContext("2d");
    this.clear();
  }

  changed() {
    if (!this.context) return;
    this.context.clearRect(0, 0, this.width, this.height);
    for (const item of this.done) this.paint(item);
  }

  get isEmpty() { return !this.done.some(item => item.bitmap || !item.erases); }

  paint(item) {
    const { context } = this;
    if (item.bitmap) return context.drawImage(item.bitmap, 0, 0);
    context.globalCompositeOperation = item.erases ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = "#fff";
    context.lineWidth = item.size;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const [first, ...rest] = item.points;
    if (rest.length === 0) {
      context.arc(first[0], first[1], item.size / 2, 0, 2 * Math.PI);
      context.fill();
    } else {
      context.moveTo(...first);
      for (const point of rest) context.lineTo(...point);
      context.stroke();
    }
    context.globalCompositeOperation = "source-over";
  }

  start(point, size, erases) { this.add({ points: [point], size, erases }); }

  move(point) {
    const item = this.done.at(-1);
    const last = item.points.at(-1);
    item.points.push(point);
    this.paint({ ...item, points: [last, point] });
  }

  // Bright pixels of a mask file, or the opaque ones of a file with transparency, as the command takes them.
  load(bitmap) {
    if (bitmap.width !== this.width || bitmap.height !== this.height) {
      throw new Error(`The mask is ${bitmap.width}×${bitmap.height}, the picture ${this.width}×${this.height}.`);
    }
    const canvas = new OffscreenCanvas(this.width, this.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const pixels = context.getImageData(0, 0, this.width, this.height);
    const values = pixels.data;
    let isTransparent = false;
    for (let i = 3; i < values.length && !isTransparent; i += 4) isTransparent = values[i] < 255;
    for (let i = 0; i < values.length; i += 4) {
      const luma = 0.299 * values[i] + 0.587 * values[i + 1] + 0.114 * values[i + 2];
      const isWhite = isTransparent ? values[i + 3] >= 128 : luma >= 127.5;
      values[i] = values[i + 1] = values[i + 2] = 255;
      values[i + 3] = isWhite ? 255 : 0;
    }
    context.putImageData(pixels, 0, 0);
    this.add({ bitmap: canvas });
  }

  draw(context) {
    if (!this.canvas) return;
    context.globalAlpha = 0.55;
    context.filter = "none";
    this.tint ??= document.createElement("canvas");
    const { tint } = this;
    [tint.width, tint.height] = [context.canvas.width, context.canvas.height];
    const colored = tint.getContext("2d");
    colored.setTransform(context.getTransform());
    colored.drawImage(this.canvas, 0, 0);
    colored.setTransform(1, 0, 0, 1, 0, 0);
    colored.globalCompositeOperation = "source-in";
    colored.fillStyle = "#ff3b6b";
    colored.fillRect(0, 0, tint.width, tint.height);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(tint, 0, 0);
    context.restore();
    context.globalAlpha = 1;
  }

  // White on black.
  async file() {
    const canvas = new OffscreenCanvas(this.width, this.height);
    const context = canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.width, this.height);
    context.drawImage(this.canvas, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
}
