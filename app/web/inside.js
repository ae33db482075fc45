// The See inside tab: when it is looked at, it asks for the picture of the last utterance that came since.
new IntersectionObserver(([entry]) => {
  if (entry.isIntersecting && window.oyez?.hasPicture) {
    window.oyez.hasPicture = false;
    window.oyez.onpicture = (svg) => {
      if (svg) props.value = `<figure><figcaption>The last utterance</figcaption><div class="scroll">${svg}</div></figure>`;
    };
    window.oyez.picture();
  }
}).observe(element);
