/** An address or URL as it may be shown and logged. */
export const withoutPassword = (address: string): string => address.replace(/:[^:@/]+@/, '@');
