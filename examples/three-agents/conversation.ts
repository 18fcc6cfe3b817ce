/** A real conversation: Apollo 11 and Houston after the landing, 20 July 1969 (NASA, public domain; shortened and edited). */

export type Line = { readonly speaker: string; readonly text: string };

export const CONVERSATION: readonly Line[] = [
  { speaker: 'Armstrong', text: 'Houston, Tranquility Base here. The Eagle has landed.' },
  {
    speaker: 'Duke',
    text: "Roger, Tranquility. We copy you on the ground. You got a bunch of guys about to turn blue. We're breathing again. Thanks a lot.",
  },
  {
    speaker: 'Armstrong',
    text: 'The auto targeting was taking us right into a football-field-size crater, with a large number of big boulders and rocks for about one or two crater-diameters around us.',
  },
  { speaker: 'Duke', text: 'Roger. We copy. It was beautiful from here, Tranquility. Over.' },
  {
    speaker: 'Aldrin',
    text: 'It looks like a collection of just about every variety of shape, angularity, granularity, about every variety of rock you could find.',
  },
  {
    speaker: 'Aldrin',
    text: "It looks as though some of the rocks and boulders are going to have some interesting colors to them. There doesn't appear to be too much of a general color at all.",
  },
  { speaker: 'Duke', text: 'Copy. Sounds good to us, Tranquility.' },
  {
    speaker: 'Duke',
    text: "Tranquility. Be advised there's lots of smiling faces in this room and all over the world. Over.",
  },
  { speaker: 'Armstrong', text: 'Well, there are two of them up here.' },
  { speaker: 'Collins', text: "And don't forget one in the command module." },
  {
    speaker: 'Armstrong',
    text: 'The area out the left-hand window is a relatively level plain with a fairly large number of craters, and some ridges, and literally thousands of little one- and two-foot craters around the area. We see some angular blocks out several hundred feet in front of us.',
  },
  { speaker: 'Duke', text: 'Roger, Tranquility. We copy. Over.' },
];
