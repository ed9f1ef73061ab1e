Dear reader,

this is a letter and no build.
