// This module stands in for the one by which the component library writes style
// elements (see vite.config.ts). A policy without inline styles forbids those
// and permits constructed style sheets, so the styles go there; the elements
// that callers expect are made and never put into the document.

type Options = {
  attachTo?: Element;
  csp?: { nonce?: string };
  prepend?: boolean | 'queue';
  priority?: number;
  mark?: string;
};

type Entry = { key: string; priority: number; sheet: CSSStyleSheet; node: HTMLStyleElement; css: string };

const entries: Entry[] = [];
let publishing = false;

// Sheets of low priority come first, so that those of high priority win, as
// they would in the order of elements.
function publish(): void {
  if (publishing) return;
  publishing = true;
  queueMicrotask(() => {
    publishing = false;
    document.adoptedStyleSheets = entries.map((e) => e.sheet);
  });
}

function insert(entry: Entry): void {
  const at = entries.findIndex((e) => e.priority > entry.priority);
  entries.splice(at < 0 ? entries.length : at, 0, entry);
  publish();
}

// The place of styles without an order of their own is after all that have one.
function priorityOf(option: Options): number {
  return option.prepend ? (option.priority ?? 0) : Number.MAX_SAFE_INTEGER;
}

function add(key: string, css: string, option: Options): HTMLStyleElement {
  const node = document.createElement('style');
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  insert({ key, priority: priorityOf(option), sheet, node, css });
  return node;
}

export function injectCSS(css: string, option: Options = {}): HTMLStyleElement {
  return add('', css, option);
}

export function updateCSS(css: string, key: string, option: Options = {}): HTMLStyleElement {
  const known = entries.find((e) => e.key === key);
  if (!known) return add(key, css, option);
  if (known.css !== css) {
    known.css = css;
    known.sheet.replaceSync(css);
  }
  return known.node;
}

export function removeCSS(key: string): void {
  const at = entries.findIndex((e) => e.key === key);
  if (at < 0) return;
  entries.splice(at, 1);
  publish();
}

export function clearContainerCache(): void {
  entries.length = 0;
  publish();
}
