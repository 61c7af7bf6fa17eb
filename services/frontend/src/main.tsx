import './theme/tokens.css';
import './theme/base.css';
import './theme/shell.css';
import './theme/library.css';
import './theme/dialogs.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './App';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root"');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
