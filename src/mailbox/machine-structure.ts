import type { AnyStateMachine } from "xstate";

/** What an action gets from XState. */
export interface ActionArgs {
  readonly context: object;
  readonly event: { readonly type: string };
  readonly self: unknown;
  readonly system: unknown;
}

/** A named action with what it is given: an effect, or an assignment of the context. */
export interface PlannedAction {
  readonly type: string;
  readonly params: unknown;
  readonly effect: (args: ActionArgs, params: unknown) => void;
  readonly assignment: Assignment | undefined;
}

type Assigner = (args: ActionArgs, params: unknown) => unknown;
export type Assignment = Assigner | Readonly<Record<string, unknown>>;

export type GuardReference = string | object;

export interface Transition {
  readonly target?: readonly StructureNode[];
  readonly source: StructureNode;
  readonly reenter: boolean;
  readonly guard?: GuardReference;
  readonly actions: readonly unknown[];
}

/** What of XState's state nodes is read here. */
export interface StructureNode {
  readonly key: string;
  readonly type: string;
  readonly order: number;
  readonly parent: StructureNode | undefined;
  readonly states: Readonly<Record<string, StructureNode>>;
  readonly initial: { readonly target: readonly StructureNode[]; readonly actions: unknown[] };
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  readonly always?: readonly Transition[];
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly invoke: readonly unknown[];
  readonly tags: readonly string[];
  readonly output?: unknown;
  readonly config: { readonly after?: unknown };
}

/** A leaf with its ancestors: where a machine without parallel states can be. */
export interface Configuration {
  /** From the leaf to the root. */
  readonly path: readonly StructureNode[];
  /** From the root to the leaf. */
  readonly nodes: readonly StructureNode[];
  readonly value: unknown;
  readonly tags: ReadonlySet<string>;
  readonly isFinal: boolean;
  readonly always: readonly Transition[];
  readonly candidates: Map<string, readonly Transition[]>;
  readonly steps: Map<Transition, Step>;
}

/** What a transition does from one configuration, whatever the context is. */
export interface Step {
  /** Of the states left, of the transition, of the states entered. */
  readonly actions: readonly PlannedAction[];
  readonly next: Configuration;
}

/**
 * The structure of a statechart, worked out once for all machines of its definition: XState does it
 * again at every event, which is most of what an event costs.
 *
 * Statecharts that it does not cover (parallel and history states, `invoke`, `after`, actions that
 * are neither effects nor assignments, outputs) have none: `of` gives undefined.
 */
export class MachineStructure {
  readonly initial: Configuration;
  readonly initialActions: readonly PlannedAction[];
  readonly #machine: AnyStateMachine;
  readonly #configurations = new Map<StructureNode, Configuration>();
  readonly #byNodes = new WeakMap<object, Configuration>();

  private constructor(machine: AnyStateMachine) {
    this.#machine = machine;
    const root = machine.root as unknown as StructureNode;
    const entered = [root, ...initialPath(root)];
    this.initial = this.#configurationOf(entered.at(-1) as StructureNode);
    this.initialActions = this.#planned(entered.flatMap((node) => node.entry));
  }

  static of(machine: AnyStateMachine): MachineStructure | undefined {
    const root = machine.root as unknown as StructureNode;
    return isCovered(machine, root) ? new MachineStructure(machine) : undefined;
  }

  /** The configuration of a snapshot, by its nodes. */
  configuration(nodes: readonly StructureNode[]): Configuration {
    let configuration = this.#byNodes.get(nodes);
    if (configuration === undefined) {
      const leaf = nodes.find(({ type }) => type !== "compound") as StructureNode;
      configuration = this.#configurationOf(leaf);
      this.#byNodes.set(nodes, configuration);
    }
    return configuration;
  }

  /** What may answer the event, the innermost first. */
  candidates(configuration: Configuration, eventType: string): readonly Transition[] {
    let candidates = configuration.candidates.get(eventType);
    if (candidates === undefined) {
      candidates = configuration.path.flatMap(({ transitions }) => [
        ...(transitions.get(eventType) ?? []),
        ...(transitions.get("*") ?? []),
      ]);
      configuration.candidates.set(eventType, candidates);
    }
    return candidates;
  }

  step(from: Configuration, transition: Transition): Step {
    let step = from.steps.get(transition);
    if (step === undefined) {
      step = this.#plan(from, transition);
      from.steps.set(transition, step);
    }
    return step;
  }

  #plan(from: Configuration, transition: Transition): Step {
    const target = transition.target?.[0];
    if (target === undefined) return { actions: this.#planned(transition.actions), next: from };
    const domain = domainOf(transition, target);
    const exited = from.path.filter((node) => isBelow(node, domain));
    const above = ancestorsBelow(target, domain);
    const isEntered = target !== domain;
    const entered = [...above, ...(isEntered ? [target] : []), ...initialPath(target)];
    const next = this.#configurationOf(entered.at(-1) ?? (from.path[0] as StructureNode));
    const actions = [
      ...exited.flatMap((node) => node.exit),
      ...transition.actions,
      ...entered.flatMap((node) => node.entry),
      // A machine that is done leaves all its states.
      ...(next.isFinal ? next.path.flatMap((node) => node.exit) : []),
    ];
    return { actions: this.#planned(actions), next };
  }

  #configurationOf(leaf: StructureNode): Configuration {
    const known = this.#configurations.get(leaf);
    if (known !== undefined) return known;
    const path = pathToRoot(leaf);
    const nodes = path.toReversed();
    const configuration: Configuration = {
      path,
      nodes,
      value: path.slice(1, -1).reduce<unknown>((value, node) => ({ [node.key]: value }), leaf.key),
      tags: new Set(nodes.flatMap((node) => node.tags)),
      isFinal: leaf.type === "final",
      always: path.flatMap((node) => node.always ?? []),
      candidates: new Map(),
      steps: new Map(),
    };
    this.#configurations.set(leaf, configuration);
    this.#byNodes.set(nodes, configuration);
    return configuration;
  }

  #planned(actions: readonly unknown[]): readonly PlannedAction[] {
    return actions.map((action) => {
      const type = nameOf(action);
      const implementation = this.#machine.implementations.actions[type] as unknown;
      return {
        type,
        params: typeof action === "string" ? undefined : (action as { params?: unknown }).params,
        effect: implementation as PlannedAction["effect"],
        assignment: (implementation as { assignment?: Assignment }).assignment,
      };
    });
  }
}

function isCovered(machine: AnyStateMachine, node: StructureNode): boolean {
  const { type, parent } = node;
  const isRoot = parent === undefined;
  const hasKnownType =
    type === "compound" ||
    (type === "atomic" && !isRoot) ||
    (type === "final" && parent !== undefined && parent.parent === undefined);
  const transitions = [...node.transitions.values(), node.always ?? []].flat();
  return (
    hasKnownType &&
    node.output === undefined &&
    node.invoke.length === 0 &&
    node.config.after === undefined &&
    [...node.transitions.keys()].every((type) => type === "*" || !/\*|^xstate\./.test(type)) &&
    transitions.every(({ target }) => (target?.length ?? 1) === 1) &&
    [...node.entry, ...node.exit, ...transitions.flatMap(({ actions }) => actions)].every(
      (action) => isPlain(machine, action),
    ) &&
    transitions.every((transition) => isKnownTransition(machine, transition)) &&
    (type !== "compound" ||
      (node.initial.actions.length === 0 && node.initial.target[0]?.type !== "final")) &&
    Object.values(node.states).every((child) => isCovered(machine, child))
  );
}

function isPlain(machine: AnyStateMachine, action: unknown): boolean {
  const type = nameOf(action);
  const implementation = machine.implementations.actions[type] as unknown;
  if (typeof implementation !== "function") return false;
  if (typeof (action as { params?: unknown }).params === "function") return false;
  return (
    !("resolve" in implementation) ||
    (implementation as object & { type?: unknown }).type === "xstate.assign"
  );
}

function isKnownTransition(
  machine: AnyStateMachine,
  { guard, reenter, source }: Transition,
): boolean {
  if (reenter && source.parent === undefined) return false;
  const check = typeof guard === "string" ? machine.implementations.guards[guard] : guard;
  return guard === undefined || typeof check === "function";
}

function nameOf(action: unknown): string {
  if (typeof action === "string") return action;
  return typeof action === "object" ? String((action as { type: unknown }).type) : "";
}

function pathToRoot(leaf: StructureNode): readonly StructureNode[] {
  const path: StructureNode[] = [];
  for (let node: StructureNode | undefined = leaf; node !== undefined; node = node.parent) {
    path.push(node);
  }
  return path;
}

/** The states entered below one that is entered itself. */
function initialPath(node: StructureNode): readonly StructureNode[] {
  if (node.type !== "compound") return [];
  const first = node.initial.target[0] as StructureNode;
  return [...ancestorsBelow(first, node), first, ...initialPath(first)];
}

function isBelow(node: StructureNode, ancestor: StructureNode): boolean {
  return node !== ancestor && pathToRoot(node).includes(ancestor);
}

/** From the outermost in. */
function ancestorsBelow(node: StructureNode, ancestor: StructureNode): readonly StructureNode[] {
  return pathToRoot(node)
    .slice(1)
    .filter((one) => isBelow(one, ancestor))
    .toReversed();
}

/** The innermost state that the transition does not leave. */
function domainOf(transition: Transition, target: StructureNode): StructureNode {
  const { source, reenter } = transition;
  if (!reenter && (target === source || isBelow(target, source))) return source;
  const above = pathToRoot(target).slice(1);
  return (above.find((node) => isBelow(source, node)) ??
    pathToRoot(source).at(-1)) as StructureNode;
}
