// The reference page: what the library shows, and what it leaves out.
import { foldErrors } from './document.js';
import { addSamples } from './samples.js';
import { createApiReference } from './scalar/standalone.esm.js';

// Beside the page, also where a proxy serves both below a path of its own.
const beside = (name) => new URL(name, window.location.href.replace(/[?#].*$/, ''));

// Larger documents are shown folded: all fields of hundreds of methods take seconds to draw.
const UNFOLDED_PATHS = 40;

// Whatever could leave this origin is off.
const QUIET = {
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
};

// The token lives in the page's memory alone, and ends with it.
const FORGETFUL = { persistAuth: false };

// The samples are ours alone (samples.js).
const SAMPLES = { hiddenClients: true };

const place = document.querySelector('#reference');

const show = async () => {
  const reply = await fetch(beside('openapi.json'), { headers: { Accept: 'application/json' } });
  if (!reply.ok) throw new Error(`openapi.json is answered with ${reply.status}`);
  const content = await reply.json();
  content.info.description = [content.info.description ?? '', '[openapi.json](openapi.json)']
    .join('\n\n');
  const base = beside('.').href.replace(/\/$/, '');
  addSamples(content, base);
  foldErrors(content);
  const unfold = Object.keys(content.paths ?? {}).length <= UNFOLDED_PATHS;
  document.title = content.info.title;
  place.replaceChildren();
  createApiReference(place, {
    ...QUIET,
    ...FORGETFUL,
    ...SAMPLES,
    content,
    servers: [{ url: base }],
    documentDownloadType: 'none',
    orderSchemaPropertiesBy: 'preserve',
    orderRequiredPropertiesFirst: false,
    expandAllResponses: unfold,
    expandAllSchemaProperties: unfold,
    defaultOpenAllTags: unfold,
  });
};

show().catch((error) => {
  const line = document.createElement('p');
  line.className = 'wait';
  line.textContent = `The reference cannot be shown: ${error.message}.`;
  place.replaceChildren(line);
});
