const loopbackNames = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

/**
 * Whether a request's Host header is one of this machine's own names, where the console listens on the
 * loopback address. A foreign site whose name is made to point there would otherwise read it through the
 * browser of somebody on this machine.
 */
export const acceptsHost = (listensOn: string, hostHeader: string | undefined): boolean =>
  !isLoopback(listensOn) || (hostHeader !== undefined && loopbackNames.test(hostHeader.toLowerCase()));
