/** palette is the colours of charts, told apart by people who do not see all. */
export const palette = { light: ['#0958d9', '#d46b08', '#389e0d', '#c41d7f', '#531dab'], dark: ['#65a9f3', '#f3b765', '#8fd460', '#f08bb4', '#ab7ae0'] };

/** inkOf is the colour of text and lines of a shade. */
export const inkOf = (shade: 'light' | 'dark') => (shade === 'dark' ? { text: '#d0d0d0', line: '#444', back: '#262626' } : { text: '#434343', line: '#d9d9d9', back: '#ffffff' });
