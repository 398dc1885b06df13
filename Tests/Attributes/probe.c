// What no shell can try: keyrings and typing into terminals. Prints the name of each answer.
//   probe type            TIOCSTI on descriptors 0 to 2
//   probe search NAME     looks for a key in the session's keyring
//   probe keyring         describes the session's keyring
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static const char *name(int number) {
  switch (number) {
    case 0: return "done";
    case EIO: return "EIO";
    case EPERM: return "EPERM";
    case ENOTTY: return "ENOTTY";
    case ENXIO: return "ENXIO";
    case ENOKEY: return "ENOKEY";
    case ENOSYS: return "ENOSYS";
    case EACCES: return "EACCES";
    default: return strerror(number);
  }
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "type") == 0) {
    for (int fd = 0; fd < 3; fd++) {
      char letter = '#';
      int answer = ioctl(fd, TIOCSTI, &letter);
      printf("%s\n", name(answer < 0 ? errno : 0));
    }
    return 0;
  }
  if (count == 3 && strcmp(words[1], "search") == 0) {
    // KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING.
    long answer = syscall(SYS_keyctl, 10, -3, "user", words[2], 0);
    printf("%s\n", name(answer < 0 ? errno : 0));
    return 0;
  }
  if (count == 2 && strcmp(words[1], "keyring") == 0) {
    char text[256] = "";
    // KEYCTL_DESCRIBE.
    long answer = syscall(SYS_keyctl, 6, -3, text, sizeof text - 1);
    printf("%s\n", answer < 0 ? name(errno) : text);
    return 0;
  }
  return 2;
}
