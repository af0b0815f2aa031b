/** What a caller of a gateway or serving process may do. `admin` may do everything. */
export const roles = ['predict', 'ingest', 'operate', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A line of the file of API keys. The key itself is kept nowhere. */
export interface ApiKeyEntry {
  readonly name: string;
  /** Of the key, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly roles: readonly Role[];
}

export const API_KEY_NAME_PATTERN = /^[\w.-]{1,100}$/;
