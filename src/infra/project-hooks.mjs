/* Loader hooks for project files, in plain JavaScript: they run in node's own thread for hooks, where no TypeScript is read. */

let millrace;

export function initialize(data) {
  millrace = data.millrace;
}

/**
 * `millrace` is the installation that runs, wherever a project file lies; and TypeScript is ES modules, whatever the package
 * around it says: as CommonJS it could not import Millrace.
 */
export async function resolve(specifier, context, next) {
  const found = await next(specifier === 'millrace' ? millrace : specifier, context);
  const { pathname } = new URL(found.url);
  return pathname.endsWith('.ts') && !pathname.includes('/node_modules/') ? { ...found, format: 'module' } : found;
}
