import { errorTable, type ErrorCode } from '../../src/core/error-table.ts';
import { isMillraceError, messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import type { ControlAction, GroupMember, Peers } from '../../serving/peers.ts';
import { limitMsOf, type Answer, type FromMember, type Question, type ToMember } from './group-messages.ts';

/** How often a process looks whether it is ready; only changes are told. */
const READY_LOOK_MS = 100;
/** The primary waits for the others so long, and this process a little longer for the primary. */
const MARGIN_MS = 1_000;

export interface MemberChannel {
  send(message: FromMember): void;
  subscribe(listener: (message: ToMember) => void): void;
}

export interface MemberLinkOptions {
  readonly member: string;
  readonly channel: MemberChannel;
  /** How long the primary has for an answer. */
  readonly limitMs?: (what: Question['what']) => number;
}

/** A serving process' end of the line to its group. */
export class MemberLink implements Peers {
  readonly member: string;
  readonly #channel: MemberChannel;
  readonly #limitMs: (what: Question['what']) => number;
  readonly #waiting = new Map<number, (answers: readonly Answer[]) => void>();
  #self: GroupMember | undefined;
  #groupReady = false;
  #told: boolean | undefined;
  #asked = 0;

  constructor({ member, channel, limitMs = (what) => limitMsOf(what) + MARGIN_MS }: MemberLinkOptions) {
    this.member = member;
    this.#channel = channel;
    this.#limitMs = limitMs;
    channel.subscribe((message) => this.#onMessage(message));
  }

  get ready(): boolean {
    return this.#groupReady;
  }

  join(self: GroupMember, { url, grpcAddress }: { readonly url: string; readonly grpcAddress: string }): void {
    this.#self = self;
    this.#channel.send({ kind: 'joined', url, grpcAddress });
    this.#tellReady();
    setInterval(() => this.#tellReady(), READY_LOOK_MS).unref();
  }

  async metrics(): Promise<string> {
    const [answer] = await this.#ask({ what: 'metrics' });
    return textOf(answer ?? { text: '' });
  }

  async control(action: ControlAction, model: string): Promise<void> {
    for (const answer of await this.#ask({ what: action, model })) textOf(answer);
  }

  #tellReady(): void {
    const ready = this.#self?.isReady() ?? false;
    if (ready === this.#told) return;
    this.#told = ready;
    this.#channel.send({ kind: 'ready', ready });
  }

  #ask(question: Question): Promise<readonly Answer[]> {
    const id = this.#asked++;
    const limitMs = this.#limitMs(question.what);
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new MillraceError('SERVING_GROUP_UNAVAILABLE', `The serving processes of this port did not answer '${question.what}' within ${limitMs} ms. Look for their ends in the log.`));
      }, limitMs);
      this.#waiting.set(id, (answers) => {
        clearTimeout(limit);
        this.#waiting.delete(id);
        resolve(answers);
      });
      this.#channel.send({ kind: 'ask', id, question });
    });
  }

  #onMessage(message: ToMember): void {
    if (message.kind === 'group') this.#groupReady = message.ready;
    else if (message.kind === 'answers') this.#waiting.get(message.id)?.(message.answers);
    else void this.#answer(message.question).then((answer) => this.#channel.send({ kind: 'answer', id: message.id, answer }));
  }

  async #answer(question: Question): Promise<Answer> {
    try {
      if (question.what === 'metrics') return { text: (await this.#self?.metrics()) ?? '' };
      await this.#self?.control(question.what, question.model);
      return { text: '' };
    } catch (error) {
      return { error: { code: isMillraceError(error) ? error.code : 'SERVING_GROUP_UNAVAILABLE', message: messageOf(error) } };
    }
  }
}

function textOf(answer: Answer): string {
  if ('text' in answer) return answer.text;
  const { code, message } = answer.error;
  throw new MillraceError(isKnown(code) ? code : 'SERVING_GROUP_UNAVAILABLE', `In another process of this port: ${message}`);
}

const isKnown = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);
