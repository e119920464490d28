import type { Plugin } from 'vite'

/** What the mirror fills in at each request, while Vite serves the pages in its place. */
export const placeholders = (base: string): Plugin => ({
  name: 'placeholders',
  apply: 'serve',
  transformIndexHtml: (html) => html.replaceAll('%BASE%', base).replaceAll('%NONCE%', ''),
})
