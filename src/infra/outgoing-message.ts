export interface OutgoingMessage {
  readonly topic: string;
  readonly partition: number;
  readonly key?: string | Buffer | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, string | Buffer>>;
}
