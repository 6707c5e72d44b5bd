import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Files below a folder that this process has open. */
export function openFilesBelow(folder: string): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(join("/proc/self/fd", fd));
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}
