# SPDX-License-Identifier: GPL-2.0-or-later
# A process for each client; it counts lines and words, has them counted once more
# by a coprocess behind two pipes, and an interval timer that must tick.
use strict;
use warnings;
use IO::Handle;
use IO::Socket::INET;
use IPC::Open2;
use Time::HiRes qw(setitimer ITIMER_REAL);

my $server = IO::Socket::INET->new(LocalPort => 7000, Listen => 10, ReuseAddr => 1)
	or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
while (1) {
	my $client = $server->accept or next;
	next if fork;
	$SIG{CHLD} = 'DEFAULT';
	my ($ticks, $lines) = (0, 0);
	$SIG{ALRM} = sub { $ticks++ };
	setitimer(ITIMER_REAL, 0.05, 0.05);
	my $pid = open2(my $from, my $to, $^X, '-ne',
			'$| = 1; print scalar(split), " $.\n"');
	$to->autoflush(1);
	while (defined(my $line = readline $client)) {
		my @words = split ' ', $line;
		my $before = $ticks;
		print $to $line;
		my ($count, $number) = split ' ', readline $from;
		my $state = 'ok';
		$state = "coprocess: $count words in line $number"
			if $count != @words || $number != ++$lines;
		# (the signal ends the sleep)
		for (my $i = 0; $ticks == $before && $i < 100; $i++) {
			select undef, undef, undef, 0.1;
		}
		$state = 'the timer does not tick' if $ticks == $before;
		print $client join(' ', $lines, scalar(@words), length $words[0], $state), "\n";
		$client->flush;
	}
	exit 0;
}
