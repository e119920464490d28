import { createTheme, type Theme } from '@mui/material/styles'

export type Mode = 'light' | 'dark'

/** The same colours stand in styles.css, for what is not MUI's. Each text has a contrast of 4.5 and more on its ground. */
const PALETTES = {
  light: {
    primary: { main: '#3b5b3f', contrastText: '#ffffff' },
    error: { main: '#a4221d' },
    warning: { main: '#7a4d00' },
    success: { main: '#1c683b' },
    info: { main: '#2c5282' },
    background: { default: '#f5f7f5', paper: '#ffffff' },
    text: { primary: '#1b231f', secondary: '#535e58' },
    divider: '#dde3df',
  },
  dark: {
    primary: { main: '#a3cda3', contrastText: '#10160f' },
    error: { main: '#ff9e97' },
    warning: { main: '#f0c36a' },
    success: { main: '#8ddaa9' },
    info: { main: '#9cc4f2' },
    background: { default: '#111513', paper: '#191f1c' },
    text: { primary: '#e4eae6', secondary: '#a2afa8' },
    divider: '#2e3733',
  },
} as const

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif'

export const themeFor = (mode: Mode): Theme => {
  const { text } = PALETTES[mode]
  return createTheme({
    palette: { mode, ...PALETTES[mode] },
    shape: { borderRadius: 6 },
    typography: {
      fontFamily: FONT,
      fontSize: 13,
      htmlFontSize: 16,
      h1: { fontSize: '1.375rem', fontWeight: 600, lineHeight: 1.3, overflowWrap: 'anywhere' },
      h2: { fontSize: '0.9375rem', fontWeight: 600, lineHeight: 1.4 },
      h3: { fontSize: '0.875rem', fontWeight: 600, lineHeight: 1.4 },
      button: { textTransform: 'none', fontWeight: 600 },
    },
    components: {
      MuiButtonBase: { defaultProps: { disableRipple: true } },
      MuiButton: { defaultProps: { disableElevation: true, size: 'small' } },
      MuiToggleButton: { defaultProps: { size: 'small' }, styleOverrides: { root: { padding: '3px 10px', textTransform: 'none', color: text.secondary, '&.Mui-selected': { color: text.primary } } } },
      MuiPaper: { styleOverrides: { root: { backgroundImage: 'none' } } },
      MuiTableCell: { styleOverrides: { root: { padding: '6px 12px', verticalAlign: 'top' }, head: { fontWeight: 600, whiteSpace: 'nowrap' } } },
      MuiOutlinedInput: { defaultProps: { size: 'small' }, styleOverrides: { input: { paddingTop: 6, paddingBottom: 6, '&::placeholder': { color: text.secondary, opacity: 0.9 } }, multiline: { paddingTop: 2, paddingBottom: 2 } } },
      MuiAlert: { styleOverrides: { root: { alignItems: 'flex-start', overflowWrap: 'anywhere' } } },
    },
  })
}
