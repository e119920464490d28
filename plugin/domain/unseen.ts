/**
 * Characters that a terminal acts on or nobody sees: controls (C1 included, which some terminals obey in UTF-8), and what is invisible or
 * turns the direction of the text around. Upstreams, lockfiles and mirrors of others wrote parts of what is shown.
 */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

export const withoutUnseen = (text: string): string => text.replace(UNSEEN, '?')

/** The same for a text of several lines that this program put together. */
export const linesWithoutUnseen = (text: string): string => text.split('\n').map(withoutUnseen).join('\n')

/** JSON that means the same and is shown as it is: it escapes C0 by itself, and none of the others. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(UNSEEN, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
