/**
 * Events are heard at the document: elements are made anew all the time, what they carry in `data-` attributes
 * says what they mean.
 */
export function listen({ act, hover, resized, moved }) {
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-action]');
    if (button !== null) void act(button.dataset.action, button.dataset, button);
    // A click on the backdrop is a click on the dialog itself.
    if (event.target instanceof HTMLDialogElement) event.target.close();
  });
  document.addEventListener('pointermove', (event) => {
    const picture = event.target.closest?.('svg[data-windows]') ?? null;
    if (picture === null) return hover(null, null);
    hover(windowAt(picture, event.clientX), event.target.dataset?.feature ?? null);
  });
  document.addEventListener('pointerleave', () => hover(null, null));
  document.addEventListener('keydown', (event) => {
    const picture = event.target.closest?.('svg[data-windows]') ?? null;
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (picture === null || direction === undefined) return;
    event.preventDefault();
    const last = Number(picture.dataset.windows) - 1;
    at = Math.max(0, Math.min(last, (at ?? last + (direction < 0 ? 1 : 0)) + direction));
    hover(at, null);
  });
  document.addEventListener('focusout', () => {
    at = null;
  });
  addEventListener('hashchange', moved);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) moved();
  });
  new ResizeObserver(resized).observe(document.documentElement);
}

/** The window that the arrow keys have come to. */
let at = null;

function windowAt(picture, clientX) {
  const { windows, left, step } = picture.dataset;
  const x = clientX - picture.getBoundingClientRect().left;
  return Math.max(0, Math.min(Number(windows) - 1, Math.round((x - Number(left)) / Number(step))));
}
