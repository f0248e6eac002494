// Classes that a reader adds: a picture is of one where its features are as near to those of
// the class's examples as these are to each other. Nothing is trained.

const FEWEST = 3; // Examples that a class is answered from.
const WIDER = 1.1; // Times the largest distance among the examples.
const STEEP = 8; // Of the share, by the distance.
const section = document.querySelector(".teach");
const place = `mnist-idx-tfds ${section.dataset.network}`; // In the browser's storage.
const taught = new Map(); // By name: { pixels, features }, one each an example.

function find(selector) {
  return section.querySelector(selector);
}

function tell(sentence) {
  find(".told").textContent = sentence;
}

function unit(values) {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)) || 1;
  return values.map((value) => value / length);
}

// Of a picture from examples: the mean distance to the two that are nearest.
function distance(features, examples) {
  const all = examples.map((other) =>
    Math.sqrt(other.reduce((sum, value, n) => sum + (value - features[n]) ** 2, 0)),
  );
  const [first, second] = all.sort((a, b) => a - b);
  return (first + second) / 2;
}

// All names, with the shares of the network's own classes and of those that were added.
function withTaught(shares, features) {
  const names = [...card.label_names];
  const all = [...shares];
  const own = unit(features);
  for (const [name, { features: examples }] of taught) {
    if (examples.length < FEWEST) continue;
    const apart = examples.map((one, n) => distance(one, examples.toSpliced(n, 1)));
    const far = distance(own, examples) / (WIDER * Math.max(...apart, 1e-6));
    const share = 1 / (1 + Math.exp(STEEP * (far - 1)));
    all.forEach((other, n) => (all[n] = other * (1 - share)));
    names.push(name);
    all.push(share);
  }
  return { names, shares: Float32Array.from(all) };
}

async function add(name, images) {
  if (!images.length) return;
  const [, features] = await call(await network, images);
  const known = taught.get(name) ?? { pixels: [], features: [] };
  const size = features.length / images.length;
  images.forEach((pixels, n) => {
    known.pixels.push(pixels);
    known.features.push(unit(features.slice(n * size, (n + 1) * size)));
  });
  taught.set(name, known);
}

function written() {
  const classes = [...taught].map(([name, { pixels }]) => [name, pixels.map((all) => [...all])]);
  return JSON.stringify({ format: 1, image_shape: card.image_shape, classes });
}

// Adds the classes of such a text; those that are there get its examples, too.
async function read(json) {
  const { format, image_shape: shape, classes } = JSON.parse(json);
  const size = card.image_shape.reduce((a, b) => a * b);
  const isFit = (pixels) => pixels.length === size && pixels.every((x) => x >= 0 && x <= 255);
  if (format !== 1 || `${shape}` !== `${card.image_shape}`) throw new Error("another network's");
  for (const [name, images] of classes) {
    if (!images.every(isFit)) throw new Error("not of this network's size");
    await add(`${name}`, images.map((pixels) => Uint8Array.from(pixels)));
  }
}

function changed() {
  try {
    localStorage.setItem(place, written());
  } catch {
    tell("The browser keeps nothing of this page; save the classes as a file.");
  }
  find(".taught").replaceChildren(
    ...[...taught].map(([name, { pixels }]) => {
      const item = made("li", "", made("span", "", `${name}: ${pixels.length} of 10 examples`));
      const remove = made("button", "", "Remove");
      remove.addEventListener("click", () => (taught.delete(name), changed()));
      item.append(remove);
      return item;
    }),
  );
  answer();
}

// The name that was given, or null, with a sentence.
function named() {
  const name = find(".name").value.trim();
  if (name && !card.label_names.includes(name)) return name;
  tell(name ? `The network knows ${name} already.` : "Give the class a name first.");
  return null;
}

async function addPad() {
  const name = named();
  if (!name) return;
  try {
    const found = await seen();
    if (!found) return tell("Draw an example first.");
    await add(name, [found.pixels.data]);
    tell("");
    document.querySelector(".clear").click();
    changed();
  } catch (error) {
    tell(error.message);
  }
}

async function addFiles({ target }) {
  const name = named();
  const files = name ? [...target.files] : [];
  const wrong = [];
  for (const file of files) {
    try {
      const picture = await decode({ name: file.name, blob: file }, card.image_shape[2]);
      await add(name, [fitted(picture).pixels.data]);
    } catch (error) {
      wrong.push(error.message);
    }
  }
  target.value = "";
  if (name) (tell(wrong.join(" ")), changed());
}

async function openFile({ target }) {
  const [file] = target.files;
  target.value = "";
  try {
    await read(await file.text());
    tell("");
  } catch (error) {
    tell(`${file.name}: this is no file of classes for this network: ${error.message}`);
  }
  changed();
}

function saveFile() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([written()], { type: "application/json" }));
  link.download = "classes.json";
  link.click();
}

find(".add").addEventListener("click", addPad);
find(".more").addEventListener("change", addFiles);
find(".open").addEventListener("change", openFile);
find(".save").addEventListener("click", saveFile);
