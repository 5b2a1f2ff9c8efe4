// The typed arrays that this runtime has: Node.js 24 has one more than 20.

export const typedArrays = Object.getOwnPropertyNames(globalThis)
  .filter((name) => /(Int|Uint|Float)\w+Array$/.test(name))
  .map((name) => (globalThis as unknown as Record<string, typeof Uint8Array>)[name]);
