import * as v from "valibot";
import type { Source } from "../../src/api/source.js";
import {
  createFileSource,
  type FileEnumeratorState,
  type FileSourceOptions,
  type FileSplit,
  fileSourceEntries,
  LineFormat,
} from "../../src/files/index.js";

/** A source of lines whose block size can be chosen. */
export function lineSource(
  options: FileSourceOptions,
  sizes: { readonly blockSize?: number; readonly maxLineLength?: number } = {},
): Source<string, FileSplit, FileEnumeratorState> {
  const { blockSize, maxLineLength = 1024 * 1024 } = sizes;
  return createFileSource({
    name: "lines",
    option: "lineSource",
    options: v.parse(v.strictObject(fileSourceEntries), options),
    format: new LineFormat({
      name: "lines",
      decoder: { skipsBlank: false, decode: (line: string) => line },
      maxLineLength,
      ...(blockSize === undefined ? {} : { blockSize }),
    }),
  });
}

/** The lines of a text, as the connector's page says. */
export function linesOf(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const last = lines.pop() as string;
  return [...lines.map((line) => line.replace(/\r$/, "")), ...(last === "" ? [] : [last])];
}
