"use strict";
// The list of scenes: only the cards in sight, and a few around them, are in the document.

AV.CARD = { least: 236, gap: 14, text: 92, around: 2 };

AV.makeList = (open) => {
  const runway = AV.make("div.runway");
  const empty = AV.make("p.empty", { hidden: true }, "No scene is like this. Take a filter away.");
  const element = AV.make("div.list", { tabIndex: 0, id: "list" }, runway, empty);
  const there = new Map();
  let shown = [];
  let drawing = false;

  const draw = () => {
    drawing = false;
    if (!element.clientWidth) return;
    const width = element.clientWidth - 2 * AV.CARD.gap;
    const columns = Math.max(1, Math.floor((width + AV.CARD.gap) / (AV.CARD.least + AV.CARD.gap)));
    const card = (width - (columns - 1) * AV.CARD.gap) / columns;
    const row = (card * 9) / 16 + AV.CARD.text + AV.CARD.gap;
    runway.style.height = `${Math.ceil(shown.length / columns) * row + AV.CARD.gap}px`;
    const first = Math.max(0, Math.floor(element.scrollTop / row) - AV.CARD.around) * columns;
    const last = (Math.ceil((element.scrollTop + element.clientHeight) / row) + AV.CARD.around) * columns;
    const wanted = new Map(shown.slice(first, last).map((one, k) => [one.id, first + k]));
    for (const [id, item] of there) {
      if (!wanted.has(id)) {
        item.remove();
        there.delete(id);
      }
    }
    for (const [id, place] of wanted) {
      if (!there.has(id)) there.set(id, AV.makeCard(AV.byId.get(id), open));
      const item = there.get(id);
      item.style.width = `${card}px`;
      item.style.height = `${row - AV.CARD.gap}px`;
      item.style.transform = `translate(${(place % columns) * (card + AV.CARD.gap)}px, ${Math.floor(place / columns) * row}px)`;
      const next = runway.children[place - first] ?? null;
      if (next !== item) runway.insertBefore(item, next); // the keyboard goes through them as the eye does
    }
  };
  const later = () => {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(draw);
  };
  element.addEventListener("scroll", later, { passive: true });
  new ResizeObserver(later).observe(element);

  return {
    element,
    show(cards, top) {
      shown = cards;
      empty.hidden = cards.length > 0;
      if (top) element.scrollTop = 0;
      draw();
    },
    forget() {
      for (const item of there.values()) item.remove();
      there.clear();
    },
  };
};

AV.makeCard = (card, open) => {
  AV.work.cards += 1;
  const address = AV.sceneAddress(card.id);
  const click = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(card.id);
  };
  if (card.problem) {
    return AV.make("article.card.damaged", { "data-id": card.id }, AV.make("h3", {}, AV.make("b", {}, "cannot be read: "), card.name), AV.make("p.why", { title: card.problem }, card.problem));
  }
  const seed = card.seed === null ? null : AV.make("span.seed", {}, `#${card.seed}`);
  const place = [card.scene !== card.name ? card.scene : "", card.town, card.rig].filter(Boolean).join(" · ");
  return AV.make(
    "article.card",
    { "data-id": card.id },
    AV.make(
      "a.open",
      { href: address, onclick: click, title: card.description },
      AV.makePicture(card),
      AV.make("h3", {}, AV.make("b", {}, card.name), seed),
      AV.make("p.place", {}, place),
      AV.make("p.critical", {}, AV.critical(card), AV.spread(card.visibility)),
      AV.make("p.kinds", {}, AV.kindCounts(card)),
    ),
  );
};

AV.makePicture = (card) => {
  const image = AV.make("img", { loading: "lazy", decoding: "async", alt: "", onerror: () => picture.classList.add("none") });
  const scrub = AV.make("i.scrub");
  const picture = AV.make(
    "div.picture",
    {},
    image,
    scrub,
    AV.make("span.tag.weather", {}, card.weather.join(", ")),
    AV.make("span.tag.length", {}, `${Number(card.duration_s.toFixed(1))} s`),
    card.asked ? AV.make(`span.tag.${card.held === card.asked ? "held" : "missed"}`, { title: "expectations that held" }, `${card.held === card.asked ? "✓" : "✗"} ${card.held}/${card.asked}`) : null,
  );
  if (!card.cameras) {
    picture.append(AV.make("span.tag.eye", {}, AV.kind === "dataset" ? "no camera" : "no camera: from above"));
    if (AV.kind === "dataset") picture.classList.add("none");
    else image.src = AV.data.thumbnail(card.id);
    return picture;
  }
  image.src = AV.data.thumbnail(card.id);
  // the pointer goes through the scene from left to right
  picture.addEventListener("mousemove", (event) => {
    if (card.keyframes < 2) return;
    const area = picture.getBoundingClientRect();
    const k = Math.min(card.keyframes - 1, Math.max(0, Math.floor(((event.clientX - area.left) / area.width) * card.keyframes)));
    AV.showOfStrip(scrub, card, k);
    scrub.dataset.at = k;
  });
  picture.addEventListener("mouseleave", () => scrub.style.removeProperty("background-image"));
  return picture;
};

// One picture of those that a strip has beside each other.
AV.showOfStrip = (element, card, k) => {
  element.style.backgroundImage = `url("${AV.data.strip(card.id)}")`;
  element.style.backgroundSize = `${card.keyframes * 100}% 100%`;
  element.style.backgroundPosition = `${(100 * k) / Math.max(1, card.keyframes - 1)}% 0`;
};

AV.critical = (card) => {
  const parts = [];
  if (card.contact) parts.push(AV.make("b.bad", {}, "contact"));
  if (card.never_began.length) parts.push(AV.make("b", { title: card.never_began.join(", ") }, "never began"));
  if (card.ttc_s !== null) {
    const kind = card.ttc_s < 1 ? "bad" : card.ttc_s < 2 ? "near" : "calm";
    parts.push(AV.make("span", { title: "least time to collision" }, AV.make(`i.level.${kind}`), `TTC ${AV.words.seconds(card.ttc_s)}`));
  }
  if (card.distance_m !== null && !card.contact) parts.push(AV.make("span", { title: "the least distance of the ego and anybody who moves or whom the scenario names" }, `gap ${AV.words.metres(card.distance_m)}`));
  if (!parts.length) parts.push(AV.make("span.soft", {}, AV.words.count(card.keyframes, "keyframe")));
  return AV.make("span.figures", {}, parts);
};

// A bar of how many annotations there are of each level of visibility.
AV.spread = (visibility) => {
  const bar = AV.make("span.spread", { title: visibility.map((count, k) => `${AV.LEVELS[k + 1]} seen: ${AV.words.number(count)}`).join("\n") });
  visibility.forEach((count, k) => {
    const part = AV.make(`i.v${k + 1}`);
    part.style.flexGrow = count;
    if (count) bar.append(part);
  });
  return bar;
};

AV.kindCounts = (card) =>
  AV.kinds.filter((kind) => card.classes[kind]).map((kind) => AV.make("span", {}, AV.dot(kind), `${card.classes[kind]} ${kind}`));
