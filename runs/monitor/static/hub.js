// @ts-check
// The entry module of every page, the hub's and the host's: it loads the parts that
// the page needs.

import { tenant } from './kit.js';

if (tenant) import('./widget.js');
if (document.querySelector('.ops')) import('./page.js');
if (document.querySelector('.ops-time')) import('./times.js');
