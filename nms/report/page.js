"use strict";
// One image at a time is "hot": a tip beside the pointer shows it, and its marks stand out in every figure.
const tip = document.getElementById("tip");
const points = [...document.querySelectorAll(".point")];
let hot = null;
const pictureOf = index => document.querySelector(`.gallery [data-index="${index}"]`);

function leave() {
  hot = null;
  tip.hidden = true;
  document.querySelectorAll(".hot").forEach(mark => mark.classList.remove("hot"));
}

function enter(mark) {
  leave();
  hot = mark;
  const index = mark.dataset.index;
  const picture = pictureOf(index);
  document.querySelectorAll(`[data-index="${index}"]`).forEach(other => other.classList.add("hot"));
  tip.querySelector("img").src = picture.querySelector("img").src;
  tip.querySelector("span").textContent = picture.dataset.about;
  tip.hidden = false;
  place();
}

function place() {
  if (!hot) return;
  const box = hot.getBoundingClientRect();
  const left = Math.min(box.right + 10, window.innerWidth - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 10;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above > 8 ? above : box.bottom + 10}px`;
}

document.addEventListener("pointerover", event => {
  const mark = event.target.closest("[data-index]");
  if (mark) enter(mark); else if (!hot || hot !== document.activeElement) leave();
});
document.addEventListener("scroll", place, { passive: true, capture: true });
document.addEventListener("keydown", event => { if (event.key === "Escape") leave(); });

// The tab key stops once for all points; the arrow keys go from one point to the next, by index.
points.sort((a, b) => a.dataset.index - b.dataset.index);
points.forEach((point, place) => {
  point.setAttribute("tabindex", place ? -1 : 0);
  point.setAttribute("role", "img");
  point.setAttribute("aria-label", pictureOf(point.dataset.index).dataset.about);
  point.addEventListener("focus", () => enter(point));
  point.addEventListener("blur", leave);
  point.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = points[(place + step + points.length) % points.length];
    point.setAttribute("tabindex", -1);
    next.setAttribute("tabindex", 0);
    next.focus();
  });
});
const map = document.querySelector("#map > svg");
if (map) map.setAttribute("role", "group");

// Printing opens what is folded on the screen.
const folded = () => [...document.querySelectorAll("details:not([open])")];
let opened = [];
window.addEventListener("beforeprint", () => { opened = folded(); opened.forEach(part => { part.open = true; }); });
window.addEventListener("afterprint", () => opened.forEach(part => { part.open = false; }));
