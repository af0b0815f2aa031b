/** Where a command's words go; standard output and error in the real command line. */
export interface TextSink {
  write(text: string): unknown;
}

/** The two audiences of a command: people read text, scripts read one JSON document on one line. */
export interface Output {
  readonly json: boolean;
  /** The command's result: the document with `--json`, else the text. Called once. */
  result(document: unknown, text: () => string): void;
  /** One line of progress for people, on standard error. */
  note(line: string): void;
}

export function createOutput(sinks: { stdout: TextSink; stderr: TextSink }, json: boolean): Output {
  return {
    json,
    result(document, text) {
      sinks.stdout.write(json ? `${JSON.stringify(document)}\n` : `${text().trimEnd()}\n`);
    },
    note(line) {
      sinks.stderr.write(`${line}\n`);
    },
  };
}
