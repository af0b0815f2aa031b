import { stat } from 'node:fs/promises';
import { messageOf, MillraceError } from '../../core/millrace-error.ts';
import type { Logger } from '../logger.ts';

/** Files are looked at this often. */
export const FOLLOW_EVERY_MS = 1_000;

export interface FollowedFilesOptions {
  /** What they are, in logs. */
  readonly what: string;
  readonly paths: readonly string[];
  /** Reads the files and takes what is in them. Where it throws, what was taken before stays. */
  readonly take: () => Promise<void>;
  readonly logger: Logger;
  readonly everyMs?: number;
}

/** Takes files when the process starts and again whenever they change. */
export class FollowedFiles {
  readonly #options: FollowedFilesOptions;
  #stamp = '';
  #looking: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: FollowedFilesOptions) {
    this.#options = options;
  }

  /** @throws CONFIG_INVALID where a file can't be read, and what `take` throws */
  static async open(options: FollowedFilesOptions): Promise<FollowedFiles> {
    const files = new FollowedFiles(options);
    // Stamped before it is read: a change during the reading is then one that the next look finds.
    files.#stamp = await files.#stampNow();
    try {
      await options.take();
    } catch (error) {
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unreadable(options, error);
    }
    files.#timer = setInterval(() => {
      files.#looking ??= files.#look().finally(() => {
        files.#looking = null;
      });
    }, options.everyMs ?? FOLLOW_EVERY_MS).unref();
    return files;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const stamp = await this.#stampNow();
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    const { what, take, logger } = this.#options;
    try {
      await take();
      logger.info(`${what} were read again`);
    } catch (error) {
      logger.error({ reason: messageOf(error) }, `${what} changed and are wrong: what was read before stays`);
    }
  }

  async #stampNow(): Promise<string> {
    const stamps = this.#options.paths.map(async (path) => {
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      return found === undefined ? 'absent' : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join('/');
    });
    return (await Promise.all(stamps)).join(' ');
  }
}

const unreadable = ({ what }: FollowedFilesOptions, cause: unknown): MillraceError =>
  new MillraceError('CONFIG_INVALID', `The ${what} can not be read: ${messageOf(cause)}. Check the path and its rights.`, { cause });
