/** Elements are made and updated through the DOM alone: text can never become markup. */
const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';

/** An HTML element. Attributes that are null, undefined or false are left out; `style` is an object of properties. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** An SVG element. */
export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'style')
      for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Makes the children of an element what they are to be, and touches only what differs: focus, scroll and selection stay. */
export function show(element, ...children) {
  const wanted = children.flat(Infinity).filter((child) => child instanceof Node);
  morphChildren(element, wanted);
}

function morph(present, wanted) {
  if (present.nodeType === Node.TEXT_NODE) {
    if (present.data !== wanted.data) present.data = wanted.data;
    return;
  }
  if (present.isEqualNode(wanted)) return;
  copyAttributes(present, wanted);
  morphChildren(present, [...wanted.childNodes]);
}

/** What the reader opened stays open. */
const isReaders = (element, name) => name === 'open' && element.localName === 'details';

function copyAttributes(present, wanted) {
  for (const { name } of [...present.attributes]) {
    if (!wanted.hasAttribute(name) && !isReaders(present, name)) present.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (isReaders(present, name) || present.getAttribute(name) === value) continue;
    // The content security policy lets properties be set, not the attribute.
    if (name === 'style') present.style.cssText = wanted.style.cssText;
    else present.setAttribute(name, value);
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null);
const isSame = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

/** Nodes with a `data-key` are found again wherever they are now; others by their place. */
function morphChildren(parent, wanted) {
  const keyed = new Map([...parent.childNodes].map((node) => [keyOf(node), node]));
  let cursor = parent.firstChild;
  for (const node of wanted) {
    if (cursor !== null && isSame(cursor, node)) {
      const present = cursor;
      cursor = cursor.nextSibling;
      morph(present, node);
      continue;
    }
    const key = keyOf(node);
    const moved = key === null ? undefined : keyed.get(key);
    if (moved !== undefined && moved.parentNode === parent && isSame(moved, node)) {
      parent.insertBefore(moved, cursor);
      morph(moved, node);
    } else {
      parent.insertBefore(node, cursor);
    }
  }
  while (cursor !== null) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}
