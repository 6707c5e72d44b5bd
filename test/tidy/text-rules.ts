import { type ProjectFile, stripComments } from "./project-files.js";

/** Something that no file of the project may contain. */
export interface TextRule {
  readonly name: string;
  /** What to do instead. */
  readonly advice: string;
  readonly applies: (path: string) => boolean;
  /** Has the flag `g`. */
  readonly forbidden: RegExp;
  /** Whether what stands in a comment counts too. */
  readonly inComments: boolean;
}

const isProduct = (path: string): boolean => /^(?:src|machines)\//.test(path);
const isPublished = (path: string): boolean =>
  /^(?:src\/|machines\/|docs\/|README\.md$)/.test(path);

export const TEXT_RULES: readonly TextRule[] = [
  {
    name: "time and randomness come through ports",
    advice: "use ActorContext.clock, Clock, ProcessingTimeService or Random",
    applies: (path) =>
      isProduct(path) &&
      !/^src\/(?:mailbox\/(?:clock|random|scheduler)|inspect\/page\/browser-clock|connectors\/kafka\/client\/response-timeout)\.ts$/.test(
        path,
      ),
    forbidden:
      /\bDate\.now\b|\bnew Date\(\s*\)|(?<!new )\bDate\(|\bperformance\b|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bhrtime\b|\bqueueMicrotask\b|\bnextTick\b|\bAbortSignal\.timeout\b|["']node:timers/g,
    inComments: false,
  },
  {
    name: "machines have no effects of their own",
    advice:
      "name an action and let the runtime give it; what it brings about comes back as an event",
    applies: (path) => path.startsWith("machines/"),
    forbidden:
      /\b(?:invoke|after|delay|delays)\s*:|\bspawn\w*\b|\bfrom(?:Promise|Callback|Observable|EventObservable)\b|\bsendTo\b|\bawait\s|\basync\s|\bconsole\b/g,
    inComments: false,
  },
  {
    name: "nothing is left for later",
    advice: "do it, or leave it out",
    applies: isPublished,
    forbidden:
      /\b(?:TODO|FIXME|HACK|XXX)\b|\b(?:for now|placeholder(?![=:])|not (?:yet )?implemented)\b/gi,
    inComments: true,
  },
  {
    name: "nothing depends on one machine's directories",
    advice: "use a relative path",
    applies: isPublished,
    forbidden: /(?<![\w.$}/-])\/(?:tmp|home|work|root|Users)\/|\b[A-Z]:\\\\/g,
    inComments: true,
  },
  {
    name: "names say what a thing is",
    advice: "name the interface by its role and the class by what makes it special",
    applies: (path) => /^(?:src|machines|test)\//.test(path),
    forbidden: /\b(?:class|interface|type|enum)\s+(?:I[A-Z][a-z]\w*|\w+Impl)\b/g,
    inComments: false,
  },
  {
    name: "no function is written right into a property",
    advice:
      "give it a name first: V8 puts it into its old generation, with all that it can reach, until the whole heap is collected",
    applies: (path) =>
      (isProduct(path) && !path.startsWith("src/inspect/page/")) ||
      path.startsWith("test/simulation/"),
    forbidden:
      /(?<!\btypeof [\w.]*)\.#?\w+ (?:\?\?)?= (?:async )?(?:function\b|(?:\([^()]*\)|\w+)(?:: [^=;]+)? =>)/g,
    inComments: false,
  },
  {
    name: "every test runs",
    advice: "mend the test or remove it",
    applies: (path) => path.startsWith("test/"),
    forbidden:
      /\b(?:it|test|describe|suite)(?:\.concurrent)?\.(?:skip|only|todo|fails|skipIf|runIf)\b|\b(?:xit|xdescribe|fit|fdescribe)\(/g,
    inComments: true,
  },
];

/** Where a file breaks a rule, as `path:line: what`. */
export function breachesOf(rule: TextRule, { path, text }: ProjectFile): string[] {
  if (!rule.applies(path)) return [];
  const lines = (rule.inComments ? text : stripComments(text)).split("\n");
  return lines.flatMap((line, index) =>
    [...line.matchAll(rule.forbidden)].map((match) => `${path}:${index + 1}: ${match[0]}`),
  );
}
