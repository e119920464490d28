/** Any value JSON can carry. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json | undefined
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An own property of a JSON object: names such as `constructor` are data in a packument, never inherited members. */
export const own = (object: JsonObject, key: string): Json | undefined => (Object.hasOwn(object, key) ? object[key] : undefined)

export const ownString = (object: JsonObject, key: string): string | undefined => {
  const value = own(object, key)
  return typeof value === 'string' ? value : undefined
}

export const ownObject = (object: JsonObject, key: string): JsonObject | undefined => {
  const value = own(object, key)
  return isObject(value) ? value : undefined
}
