/** What is used of protobufjs. */
export interface ProtobufDriver {
  readonly Root: new () => ProtobufRoot;
  readonly Reader: { create(bytes: Uint8Array): ProtobufReader };
  readonly Type: abstract new (...args: never[]) => ProtobufType;
  readonly parse: (
    text: string,
    root: ProtobufRoot,
  ) => {
    readonly package: string | undefined;
    readonly imports: readonly string[] | undefined;
    readonly weakImports: readonly string[] | undefined;
  };
  readonly common: {
    /** The well-known types, by the names of their files. */
    readonly get: (file: string) => { readonly nested?: object } | null;
  };
  readonly util: { readonly Long: new (low: number, high: number, isUnsigned: boolean) => unknown };
}

/** A package, or a message with what it declares. */
export interface ProtobufNamespace {
  /** In the order of the schema. */
  readonly nestedArray: readonly unknown[];
}

/** All that was parsed. */
export interface ProtobufRoot extends ProtobufNamespace {
  lookup(path: string): ProtobufNamespace | null;
  addJSON(nested: object): unknown;
  resolveAll(): unknown;
}

/** A field of a message. */
export interface ProtobufField {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly map: boolean;
  /** Of a field whose type is a message or an enum, the one that has `fieldsArray` being a message. */
  readonly resolvedType: ProtobufType | object | null;
}

/** A place in bytes, to be read up to `len`. */
export interface ProtobufReader {
  buf: Uint8Array;
  pos: number;
  len: number;
  uint32(): number;
  string(): string;
}

/** A message type. */
export interface ProtobufType extends ProtobufNamespace {
  /** With a dot before it. */
  readonly fullName: string;
  readonly group?: boolean;
  readonly fieldsArray: readonly ProtobufField[];
  decode(reader: ProtobufReader): unknown;
  toObject(message: unknown, options: object): Record<string, unknown>;
  /** What is wrong with it; null: nothing. */
  verify(value: object): string | null;
  fromObject(value: object): unknown;
  encode(message: unknown): { finish(): Uint8Array };
}

/** The message that a field holds; undefined: it holds none. */
export function messageIn({ resolvedType }: ProtobufField): ProtobufType | undefined {
  return resolvedType !== null && "fieldsArray" in resolvedType ? resolvedType : undefined;
}
