/** Milliseconds since the Unix epoch, as an argument of everything that needs to know the time. */
export type Clock = () => number;
