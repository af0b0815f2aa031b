/** The servers that Millrace works on, in the order in which they are shown. */
export const serverNames = ['temporal', 'kafka', 'postgres', 'redis'] as const;

export type ServerName = (typeof serverNames)[number];
