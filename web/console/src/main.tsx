import { render } from 'preact';
import './style.css';
import { resume } from './state/session';
import { App } from './view/app';

const place = document.getElementById('console');
if (place !== null) {
  render(<App />, place);
  void resume();
}
