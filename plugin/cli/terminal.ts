/**
 * What upstreams wrote, made fit for a terminal: no control character (C1 included, which some terminals obey in UTF-8), and nothing that
 * is not seen or turns the direction of the text around.
 */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

export const printable = (text: string): string => text.replace(UNSEEN, '?')

/** JSON that means the same and is shown as it is: it escapes C0 by itself, and none of the others. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(UNSEEN, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
